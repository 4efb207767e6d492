"""The user's steps as provisioners of Packer.

A step is what plan/steps.ts says, with its name (by which it runs in order), its title for people, and its timeout in seconds; one
that copies files has "copies" instead, see files_disk in the stage's own program.
"""

import base64
import json
import os
import re
import shlex

import packer_template
import run_ansible
from stage import Failure

SCRIPTS = "/steps"  # the user's own, by the names of their steps
PROGRAMS = os.path.dirname(os.path.abspath(__file__))
VAULT_PASSWORD = "ANSIBLE_VAULT_PASSWORD"  # the secret that opens what Ansible's vault has locked
HOSTS = re.compile(r"""^[-\s]\s*["']?hosts["']?:\s*(.+)$""", re.MULTILINE)
GUEST_SECRETS = "/run/kragle.secrets"  # in the guest's memory, until a step has read them


def titles(steps):
    """What people call each step, by its name."""
    return {step["name"]: step["title"] for step in steps}


def groups(playbook):
    """The groups that a playbook's plays ask for by their names: the guest is in all of them."""
    with open(playbook, encoding="utf-8") as file:
        patterns = HOSTS.findall(file.read())
    names = {name for pattern in patterns for name in re.findall(r"(?<![!&\w.*-])[A-Za-z_]\w*(?![\w.*-])", pattern.split(" #")[0])}
    return sorted(names - {"all", "localhost", "guest", "ungrouped"})


class Steps:
    """Makes provisioners of steps.

    `environment` are variables that every step gets, `secrets` the values of all, by name; `mark` begins every line that a step prints,
    see guest.sh; `folder`, which is private and in memory, takes what is made for the guest. `timeouts` are the stage's.
    """

    def __init__(self, environment, secrets, mark, folder, timeouts):
        self.environment = environment
        self.secrets = secrets
        self.mark = mark
        self.folder = folder
        self.timeouts = timeouts

    def provisioners(self, step):
        """What does the step in the guest, one after the other."""
        make = getattr(self, step["kind"], None)
        if make is None:
            raise Failure(f'the step "{step["title"]}" is of a kind that cannot be run: {step["kind"]}')
        return make(step)

    def script(self, step):
        path = os.path.join(SCRIPTS, step["name"])
        packer_template.check_script(path, step["title"])
        return self.guest_script(step, path)

    def run(self, step):
        lines = step["run"] if step["run"].startswith("#!") else f"#!/bin/sh -e\n{step['run']}"
        return self.guest_script(step, self.write(step["name"], lines + "\n"))

    def packages(self, step):
        return self.guest_script(step, self.own_program(step, "packages.sh"), step["packages"])

    def files(self, step):
        path = self.own_program(step, "files.sh")
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{folder['mode']} {folder['owner']} {folder['path']}\n" for folder in step["folders"])
        places = [text for copy in step["copies"] for text in (str(copy["offset"]), copy["owner"])]
        return self.guest_script(step, path, places)

    def reboot(self, step):
        words = [step["name"], self.mark, str(self.timeouts["shutdown"]), str(self.timeouts["ssh"])]
        return [
            self.beside_qemu("restart.py", "allow", *words),
            {
                "type": "shell",
                "inline": [f"sh {packer_template.GUEST_FOLDER}/guest.sh restart {shlex.quote(step['name'])}"],
                "remote_folder": packer_template.GUEST_FOLDER,
                "execute_command": "sh {{.Path}}",
                "skip_clean": True,
            },
            self.beside_qemu("restart.py", "wait", *words),
            {
                "type": "shell",
                "script": packer_template.GUEST,
                "execute_command": "sh {{.Path}} resume",
                "start_retry_timeout": f"{self.timeouts['ssh']}s",
            },
        ]

    def ansible(self, step):
        telling = self.telling(step)
        run_ansible.check(telling)
        path = self.write(f"{step['name']}.json", json.dumps(telling))
        return [self.beside_qemu("run_ansible.py", step["name"], self.mark, path)]

    def telling(self, step):
        """What run_ansible.py is told, with the files that this takes."""
        name, secrets = step["name"], {secret: self.secrets[secret] for secret in step["secrets"]}
        home = os.path.join(self.folder, f"{name}.home")
        os.mkdir(home)
        password = secrets.pop(VAULT_PASSWORD, None)
        folder = os.path.join(SCRIPTS, name)
        # Ansible takes every text for a template of its own, in which "{#" begins a comment, unless it is told not to
        literal = {secret: {"__ansible_unsafe": text} for secret, text in secrets.items()}
        return {
            "folder": folder,
            "playbook": step["playbook"],
            "groups": groups(os.path.join(folder, step["playbook"])),
            "variables": self.write(f"{name}.variables", json.dumps({**step["variables"], **literal})),
            "vaultPassword": None if password is None else self.write(f"{name}.vault", password),
            "home": home,
            "key": packer_template.key_path(os.path.dirname(self.folder)),
            "seconds": step["timeout"],
        }

    def guest_script(self, step, path, args=()):
        """Runs a script with what the step gives it: arguments, variables, secrets."""
        secrets = step.get("secrets", [])
        given = [f"export {name}={shlex.quote(value)}" for name, value in step.get("variables", {}).items()]
        if secrets:
            given.append(f". {GUEST_SECRETS}; rm -f {GUEST_SECRETS}")
        words = [*step.get("args", []), *args]
        if words:
            given.append('set -- "$@" ' + " ".join(map(shlex.quote, words)))
        encoded = base64.b64encode("\n".join(given).encode()).decode()
        script = packer_template.script_provisioner(step["name"], path, self.environment, step["timeout"], self.mark, encoded)
        return [*([self.upload_secrets(step["name"], secrets)] if secrets else []), script]

    def upload_secrets(self, name, secrets):
        """Brings secrets into the guest's memory, by the connection and not by a command's line, which everybody there can see."""
        lines = [f"export {secret}={shlex.quote(self.secrets[secret])}\n" for secret in secrets]
        path = self.write(f"{name}.secrets", "".join(lines))
        return {"type": "file", "source": path, "destination": GUEST_SECRETS}

    @staticmethod
    def beside_qemu(program, *words):
        """Runs a program of kragle's in the container; "inline" is only what Packer insists on."""
        command = ["python3", os.path.join(PROGRAMS, program), *words]
        return {"type": "shell-local", "execute_command": command, "inline": ["true"]}

    def own_program(self, step, program):
        """A copy of a program of kragle's under the step's name, by which Packer's output tells it."""
        with open(os.path.join(PROGRAMS, program), encoding="utf-8") as file:
            return self.write(step["name"], file.read())

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return path
