"""A template of kragle (Packer's legacy JSON) made ready for one run: provisioning scripts and variables put in."""

import base64
import json
import os
import re
import shlex

from stage import Failure

GENERALISE = re.compile(r"\d+-generalise\.sh")
GUEST_FOLDER = "/run/kragle"
VARIABLES = "env {{.Vars}}"  # which root's shell need not understand, as csh does not
LOOKED_AT = 2**20  # bytes of a script: a self-extracting installer has gigabytes
NOBODY = "-"  # the mark of scripts that only a person listens to
GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest.sh")
QEMU_RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "qemu-recorded")


def load(path):
    """The template at that path. Raises Failure where it is no JSON object."""
    try:
        with open(path, encoding="utf-8") as file:
            template = json.load(file)
    except OSError as error:
        raise Failure(f"the template {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Failure(f"the template {path} is not JSON: {error}") from error
    if not isinstance(template, dict):
        raise Failure(f"the template {path} is not a JSON object")
    return template


def with_scripts(template, scripts, environment, script_seconds, mark=NOBODY, steps=None, identity=None, begin="prepare"):
    """The template with one shell provisioner a script {name: path}, in the order of the names.

    `steps`, {name: provisioners}, are ordered by their names among the scripts. The template's own provisioners run after all of them
    and before the script that generalises, which is the last. Its credentials go into the environment of one script:
    "_credentials": "SCRIPT gets VARIABLE…" (Packer allows only text there). `mark` begins every line that a script prints, see
    guest.sh. `identity` are variables of the script that generalises, which writes what the image says it is; by hand it says nothing.
    `begin` is what guest.sh does before all of them.
    """
    trusted, _, names = template.get("_credentials", "").partition(" gets ")
    secret = {credential.upper(): f"{{{{user `{credential}`}}}}" for credential in names.split()}
    runs = dict(steps or {})
    for name, path in scripts.items():
        check_script(path, name)
        given = {**environment, **(identity or {})} if GENERALISE.fullmatch(name) else environment
        runs[name] = [script_provisioner(name, path, given, script_seconds, mark, credentials=secret if name == trusted else {})]
    last = [name for name in scripts if GENERALISE.fullmatch(name)]
    before = [one for name in sorted(runs) if name not in last for one in runs[name]]
    generalise = [one for name in last for one in runs[name]]
    inline = {"remote_folder": GUEST_FOLDER, "execute_command": f"chmod +x {{{{.Path}}}}; {VARIABLES} {{{{.Path}}}}"}
    own = [{**inline, **one} if one["type"] == "shell" else one for one in template.get("provisioners", [])]
    # run by the shell, since it may come before the folder, and /tmp may be mounted noexec
    prepare = {"type": "shell", "script": GUEST, "execute_command": f"sh {{{{.Path}}}} {begin}"}
    cleanup = template.get("error-cleanup-provisioner")
    after = {"error-cleanup-provisioner": {"execute_command": f"{VARIABLES} sh {{{{.Path}}}}", **cleanup}} if cleanup else {}
    return {**template, "provisioners": [prepare, *before, *own, *generalise], **after}


def script_provisioner(name, path, environment, seconds, mark, given="", credentials=None):
    """Runs the script at that path in the guest, by guest.sh.

    `given` is what that is told of its variables and arguments; `credentials` are variables whose values Packer is to look up.
    """
    variables = {**{variable: literal(value) for variable, value in environment.items()}, **(credentials or {})}
    return {
        "type": "shell",
        "script": literal(path),
        "binary": True,  # or Packer would change the line ends of what a self-extracting script contains
        "remote_folder": GUEST_FOLDER,
        "execute_command": f"{VARIABLES} sh {GUEST_FOLDER}/guest.sh run {word(name)} {mark} {{{{.Path}}}} {given}".rstrip(),
        "environment_vars": [f"{variable}={value}" for variable, value in sorted(variables.items())],
        "timeout": f"{seconds}s",
    }


def literal(text):
    """A text that Packer takes as it stands, also where it looks like a command of its templates."""
    return text.replace("{{", '{{"{{"}}')


def word(text):
    """The same for one word of a shell's command, of which Packer makes a template later on."""
    return shlex.quote(text).replace("{", "{''")


def listening_inside(template, password_file):
    """The template with builders whose QEMU listens on the container's own loopback only, for Packer.

    Packer 1.6 shows the screen on every address, whatever "disable_vnc" says, and forwards SSH from every one. There is no
    screen at all unless Packer types into it ("boot_command"), or somebody asked to watch, who has a password file: then it is
    on port 5900 of the container, behind that password. Packer could not type into that, so a screen that it types into has none.
    """
    return {**template, "builders": [inside(builder, password_file) for builder in template["builders"]]}


def inside(builder, password_file):
    added = []
    if builder.get("boot_command"):
        address = "127.0.0.1" if password_file is None else "0.0.0.0"
        builder = {**builder, "vnc_bind_address": address, "vnc_port_min": 5900, "vnc_port_max": 5900}
    elif password_file is None:
        added.append(["-vnc", "none"])
    else:
        added.append(["-object", f"secret,id=screen,file={password_file}"])
        added.append(["-vnc", "0.0.0.0:0,password-secret=screen"])
    arguments = builder.get("qemuargs", [])
    if builder.get("communicator", "ssh") == "ssh" and not any(argument[0] == "-netdev" for argument in arguments):
        way_in = f"hostfwd=tcp:127.0.0.1:{{{{ .SSHHostPort }}}}-:{builder.get('ssh_port', 22)}"
        added.append(["-netdev", f"user,id=user.0,{way_in}"])
    return {**builder, "qemuargs": [argument for argument in arguments if argument[0] != "-vnc"] + added}


def screen_password_file(secrets, folder):
    """Takes the password of the guest's screen out of the secrets into a file for QEMU; None where nobody watches."""
    password = secrets.pop("screenPassword", None)
    if password is None:
        return None
    path = os.path.join(folder, "screen-password")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="ascii") as file:
        file.write(password)
    return path


def check_script(path, name):
    """Refuses what cannot run, before a guest is started for it. infra/settings/scripts.ts says so even in a preview."""
    try:
        with open(path, "rb") as file:
            content = file.read(LOOKED_AT)
    except OSError as error:
        raise Failure(f'the provisioning script "{name}" cannot be read: {error.strerror} ({path})') from error
    if not content.strip():
        raise Failure(f'the provisioning script "{name}" is empty')
    encoding = encoding_of(content)
    if encoding:
        raise Failure(
            f'the provisioning script "{name}" begins with the byte-order mark of {encoding}, before which the guest sees no '
            "first line; save it as UTF-8 without one"
        )
    line = windows_line(content)
    if line:
        raise Failure(
            f'the provisioning script "{name}" has Windows line ends (CRLF, first in line {line}), which the guest\'s '
            "shell takes for part of the commands; save it with LF"
        )


def encoding_of(content):
    """The encoding whose byte-order mark is at the beginning, or None."""
    marks = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
    return next((name for mark, name in marks.items() if content.startswith(mark)), None)


def windows_line(content):
    """The number of the first line that ends with CRLF, or None. Of what is no text, a self-extracting installer, only "#!…" counts."""
    end = content.find(b"\r\n")
    before = content.count(b"\n", 0, max(end, 0))
    is_text = not re.search(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]", content)
    return before + 1 if end >= 0 and (is_text or (before == 0 and content.startswith(b"#!"))) else None


def guest_variables(settings):
    """The variables of a template that say what the guest is made of: disk, processors.

    `settings` are those of a stage that runs Packer: diskBytes, cpus, accelerator.
    """
    return {
        "disk_bytes": settings["diskBytes"],
        "cpus": settings["cpus"],
        "accelerator": settings["accelerator"],
        "cpu": "host" if settings["accelerator"] == "kvm" else "max",
    }


def run_variables(folder, public_key):
    """Variables of one run whose values are made here, with their files in the given folder: the guest's seed, QEMU's recorder.

    The private key lies at key_path(folder). The public key goes to the guest as an SMBIOS credential (systemd 252 and later), or
    by a NoCloud seed. No user but root is to get it: cloud-init would make one of its own.
    """
    seed = os.path.join(folder, "seed")
    os.mkdir(seed)
    # one host key is enough for the build, and others take seconds without KVM
    options = "users: []\ndisable_root: false\nssh_genkeytypes: [ed25519]\n"
    user_data = f"#cloud-config\n{options}ssh_authorized_keys:\n  - {public_key}\n"
    for name, text in (("meta-data", "instance-id: kragle-build\n"), ("user-data", user_data)):
        with open(os.path.join(seed, name), "w", encoding="utf-8") as file:
            file.write(text)
    return {
        "private_key": key_path(folder),
        "authorized_key_base64": base64.b64encode(public_key.encode()).decode(),
        "seed_folder": seed,
        "qemu_binary": QEMU_RECORDED,
    }


def key_path(folder):
    return os.path.join(folder, "key")


def declared(template, variables):
    """Those variables that the template declares, as Packer wants them: text."""
    return {name: str(value) for name, value in variables.items() if name in template.get("variables", {})}
