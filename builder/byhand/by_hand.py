"""Packer by hand, as the original did it: PATH is mounted at /build and the user types Packer's command.

A `build` of one of kragle's templates (or of any that declares the variable "output") makes the system's disk first,
works in a private folder of PATH and renames the finished image into PATH/output; an earlier image stays until then.
Everything else is Packer's own affair. Packer's exit code is passed on.
"""

import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

import accelerator
import bootstrap
import iso_by_hand
import iso_medium
import packer_run
import packer_template
import ssh_key
import template_folder
from compact import compact, only_file
from install_watch import InstallWatch
from qemu_watch import QemuWatch
from stage import Failure, say, tail_of, write_json

BUILD = "/build"
KRAGLE = "/opt/kragle"
MEMORY = "/dev/shm"  # always a tmpfs: what is secret never reaches a disk


def run(command, username, password):
    # The first process of a container ignores signals that it does not handle; this way what it leaves is cleaned up.
    on_signals(leave)
    with tempfile.TemporaryDirectory(prefix="kragle-", dir=MEMORY) as private:
        try:
            words = words_of(command)
            template = template_of(words)
            if template is None:
                return packer(words, private, private)
            secrets = {"rhsm_username": username, "rhsm_password": password}
            secrets.update(username=username, password=password)  # for a template of the user's own
            return (build if words[0] == "build" else validate)(words, template, private, secrets)
        except Failure as failure:
            print(f"kragle: {failure}", file=sys.stderr)
            return 1


def words_of(command):
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Failure(f"--packer {command!r} cannot be read: {error}") from error
    if not words:
        raise Failure('--packer is empty; give it arguments of Packer, such as "version"')
    return words


def template_of(words):
    """The template of a `build` or `validate` that kragle takes part in, else None."""
    if words[0] not in ("build", "validate") or len(words) < 2 or not words[-1].endswith(".json"):
        return None
    template = packer_template.load(words[-1])
    return words[-1] if "output" in template.get("variables", {}) else None


def validate(words, path, private, secrets):
    # any file will do for a disk, an ISO, a kernel
    files = dict.fromkeys(("base", "iso", "kernel", "initrd"), os.path.abspath(path))
    variables = {**secrets, **run_variables(private), **files}
    return build_one(words, path, "image", private, private, private, variables)


def build(words, path, private, secrets):
    check_build_folder()
    folder = tempfile.mkdtemp(prefix=".kragle-", dir=BUILD)
    logs = os.path.join(BUILD, "logs")
    try:
        shutil.rmtree(logs, ignore_errors=True)
        os.mkdir(logs)
        variables = {**machine(), **secrets, **run_variables(private)}
        variables.update(user_variables(words))  # they hold for the installation, too
        installer = path.removesuffix(".json") + "-install.json"
        if os.path.exists(installer):
            code = install(installer, folder, private, logs, variables)
            if code != 0:
                return code
            variables["base"] = only_file(os.path.join(folder, "install"))
        else:
            variables.update(bootstrap.base_disk(template_folder.home_of(path), folder, private))
        say(f"building the image: {path}")
        code = build_one(words, path, "image", folder, private, logs, variables)
        if code == 0:
            publish(only_file(os.path.join(folder, "image")), folder)
        return code
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        give_to_owner(logs)


def install(path, folder, private, logs, variables):
    """Installs the system from the template's ISO onto a disk in the folder's subfolder "install"; Packer's exit code."""
    home = template_folder.home_of(path)
    medium = iso_by_hand.find(os.path.join(BUILD, "os"), template_folder.facts_of(home), variables.get("iso"))
    say(f"installing the system: {path}")
    say("port 5900 shows the guest's screen; look whenever you like: nothing is typed there, now or later")
    variables = {**variables, **iso_medium.boot_variables(medium, folder)}
    watch = InstallWatch(os.path.join(logs, "install-serial.log"), lambda phase, text: say(phase or text))
    code = build_one(["build", path], path, "install", folder, private, logs, variables, watch)
    if code == 0 or watch.gave_up:
        watch.demand_end()  # Packer takes a crashed QEMU for a finished one
    return code


def run_variables(private):
    return packer_template.run_variables(private, ssh_key.create(packer_template.key_path(private)))


def check_build_folder():
    if not os.path.isdir(BUILD):
        raise Failure(f'{BUILD} is not there; mount the folder for the image: docker run -v PATH:{BUILD} …')
    if not os.access(BUILD, os.W_OK | os.X_OK):
        raise Failure(f"uid {os.getuid()} may not write to the folder mounted at {BUILD}; let it, or run with its owner's --user")


def machine():
    kind, reason = accelerator.choose()
    if reason:
        say(f"building without KVM, which is many times slower ({reason})")
    return {
        "accelerator": kind,
        "cpu": "host" if kind == "kvm" else "max",
        "disable_vnc": "false",  # on port 5900 of the container; only `docker run -p` makes it reachable
        "vnc_port": 5900,
    }


def build_one(words, path, name, folder, private, logs, variables, installer=None):
    """One `packer build` of a template, whose disk ends up in the folder's subfolder `name`."""
    template = packer_template.load(path)
    home = template_folder.home_of(path)
    if home.startswith(KRAGLE + "/") and not is_installer(path):
        scripts = template_folder.scripts_in(os.path.join(KRAGLE, "provision"), os.path.join(home, "provision"))
        template = packer_template.with_scripts(template, scripts, {}, 3600)
    own = {
        "template_folder": home,
        "output": os.path.join(folder, name),
        "serial_log": os.path.join(logs, f"{name}-serial.log"),
        "package_list": os.path.join(logs, "packages.tsv"),
    }
    prepared = os.path.join(private, f"{name}.json")
    variables_file = os.path.join(private, f"{name}-variables.json")
    write_json(prepared, template)
    write_json(variables_file, packer_template.declared(template, {**variables, **own}))
    # the user's own options, such as -var, come later and win
    return packer([words[0], f"-var-file={variables_file}", *words[1:-1], prepared], folder, logs, installer)


def is_installer(path):
    return path.endswith("install.json")


def user_variables(words):
    """What the user gave by -var, as "-var NAME=VALUE" or "-var=NAME=VALUE"."""
    given = [after for word, after in itertools.pairwise(words) if word in ("-var", "--var")]
    given += [word.split("=", 1)[1] for word in words if word.startswith(("-var=", "--var="))]
    return dict(pair.split("=", 1) for pair in given if "=" in pair)


def packer(words, folder, logs, installer=None):
    """Runs Packer on the user's terminal; returns its exit code. An installer's serial line is followed."""
    qemu = QemuWatch(folder, os.path.join(logs, "qemu.log"))
    environment = {**os.environ, **packer_run.environment(folder), **qemu.environment()}
    with subprocess.Popen(["packer", *words], env=environment) as process:
        on_signals(lambda number, _frame: pass_on(number, process))
        qemu.may_end = True  # nobody follows Packer's steps here, so only a failing QEMU is known to be wrong
        for watch in filter(None, (qemu, installer)):
            watch.start(process, lambda: end(process, qemu))
        code = process.wait()
    on_signals(leave)
    if qemu.ended():
        raise Failure(f"{qemu.how_it_ended()}; its own words:{tail_of(qemu.log)}")
    return code if code >= 0 else 128 - code


def end(process, qemu):
    qemu.screen.take()
    process.kill()


def on_signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def leave(number, _frame):
    sys.exit(128 + number)


def pass_on(number, process):
    """Passes a signal on to Packer, but for a terminal's Ctrl-C: that reaches it by itself, and a second makes it skip its clean-up."""
    if number != signal.SIGINT or not sys.stdin.isatty():
        process.send_signal(number)


def publish(disk, folder):
    output = os.path.join(BUILD, "output")
    os.makedirs(output, exist_ok=True)
    give_to_owner(output)
    finished = os.path.join(folder, os.path.basename(disk))
    say("compacting the image")
    compact(disk, finished)
    give_to_owner(finished)
    os.rename(finished, os.path.join(output, os.path.basename(disk)))
    say(f"PATH/output/{os.path.basename(disk)} is ready")


def give_to_owner(path):
    """Gives files to the owner of PATH, who could not delete them if they were root's."""
    if os.getuid() != 0:
        return
    owner = os.stat(BUILD)
    for folder, _folders, files in os.walk(path) if os.path.isdir(path) else [(path, [], [])]:
        for name in [folder, *(os.path.join(folder, file) for file in files)]:
            os.chown(name, owner.st_uid, owner.st_gid)
