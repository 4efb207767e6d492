"""A template of kragle (Packer's legacy JSON) made ready for one run: provisioning scripts and variables put in."""

import base64
import json
import os
import re

import ssh_key
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


def with_scripts(template, folder, scripts, environment, script_seconds):
    """The template with one shell provisioner a script, in the given order.

    The template's own provisioners run after the scripts and before the one that generalises, which is the last.
    """
    before, generalise = [], []
    for name in scripts:
        path = os.path.join(folder, name)
        check_script(path, name)
        provisioner = {
            "type": "shell",
            "script": path,
            "environment_vars": [f"{variable}={value}" for variable, value in sorted(environment.items())],
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


def run_variables(folder):
    """Variables of one run whose values are made here: the key pair, in the given folder, and QEMU's recorder."""
    private_key = key_path(folder)
    public_key = ssh_key.create(private_key)
    return {
        "private_key": private_key,
        "authorized_key_base64": base64.b64encode(public_key.encode()).decode(),
        "qemu_binary": QEMU_RECORDED,
    }


def key_path(folder):
    return os.path.join(folder, "key")


def declared(template, variables):
    """Those variables that the template declares, as Packer wants them: text."""
    return {name: str(value) for name, value in variables.items() if name in template.get("variables", {})}
