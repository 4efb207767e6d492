"""A template of kragle (Packer's legacy JSON) made ready for one run: provisioning scripts and variables put in."""

import base64
import json
import os
import re

from stage import Failure

GENERALISE = re.compile(r"\d+-generalise\.sh")
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


def with_scripts(template, scripts, environment, script_seconds):
    """The template with one shell provisioner a script {name: path}, in the order of the names.

    The template's own provisioners run after the scripts and before the one that generalises, which is the last. Its
    credentials go into the environment of one script: "_credentials": "SCRIPT gets VARIABLE…" (Packer allows only text there).
    """
    trusted, _, names = template.get("_credentials", "").partition(" gets ")
    credentials = names.split()
    before, generalise = [], []
    for name, path in sorted(scripts.items()):
        check_script(path, name)
        variables = [f"{variable}={value}" for variable, value in sorted(environment.items())]
        if name == trusted:
            variables += [f"{credential.upper()}={{{{user `{credential}`}}}}" for credential in credentials]
        provisioner = {
            "type": "shell",
            "script": path,
            "environment_vars": variables,
            "timeout": f"{script_seconds}s",
        }
        (generalise if GENERALISE.fullmatch(name) else before).append(provisioner)
    return {**template, "provisioners": before + template.get("provisioners", []) + generalise}


def check_script(path, name):
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Failure(f'the provisioning script "{name}" cannot be read: {error.strerror} ({path})') from error
    if b"\r\n" in content:
        line = content[: content.index(b"\r\n")].count(b"\n") + 1
        raise Failure(
            f'the provisioning script "{name}" has Windows line ends (CRLF, first in line {line}), which the guest\'s '
            "shell takes for part of the commands; save it with LF"
        )
    if not content.strip():
        raise Failure(f'the provisioning script "{name}" is empty')


def scripts_in(*folders):
    """The provisioning scripts of those folders: {name: path}."""
    paths = [os.path.join(folder, name) for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)]
    return {os.path.basename(path): path for path in paths if re.match(r"\d\d-", os.path.basename(path))}


def home_of(template):
    """The folder with the template.json of a Packer template, also by a link such as /opt/kragle/NAME.json.

    Folders may share a file by a link, so a link is only followed where no template.json lies beside it.
    """
    path = os.path.abspath(template)
    while not os.path.exists(os.path.join(os.path.dirname(path), "template.json")) and os.path.islink(path):
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return os.path.normpath(os.path.dirname(path))


def facts_of(home):
    """The template.json in that folder; nothing where there is none."""
    path = os.path.join(home, "template.json")
    return load(path) if os.path.exists(path) else {}


def guest_variables(settings):
    """The variables of a template that say what the guest is made of: disk, processors, screen.

    `settings` are those of a stage that runs Packer: diskBytes, cpus, accelerator, vncPort (None without a screen).
    """
    return {
        "disk_bytes": settings["diskBytes"],
        "cpus": settings["cpus"],
        "accelerator": settings["accelerator"],
        "cpu": "host" if settings["accelerator"] == "kvm" else "max",
        "disable_vnc": "true" if settings["vncPort"] is None else "false",
        "vnc_port": settings["vncPort"] or 5900,
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
