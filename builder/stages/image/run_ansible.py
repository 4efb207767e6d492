"""Runs a playbook against the guest, from beside QEMU: Packer runs this for a step of that kind.

    run_ansible.py NAME MARK TELLING

NAME is the step's, MARK what its lines begin with, see guest.sh; TELLING is a file that says what is to be run:
    folder, playbook    all that travels with it, and its path in there
    groups              of the inventory, which the guest is a member of: those that its plays ask for
    variables           file with variables and secrets
    vaultPassword       file, or null
    key                 file of the private key by which the guest is reached
    home                private folder, in memory
    seconds             the longest that it may run
"""

import json
import os
import shutil
import subprocess
import sys
import threading

from guest_ssh import forwarded_port
from stage import Failure

PLAYBOOK = "ansible-playbook"


def environment(telling):
    """Variables by which Ansible finds everything in the run's own folder; they count more than an ansible.cfg."""
    home = telling["home"]
    vault = {"ANSIBLE_VAULT_PASSWORD_FILE": telling["vaultPassword"]} if telling["vaultPassword"] else {}
    return {
        **os.environ,
        **vault,
        "HOME": home,
        "ANSIBLE_LOCAL_TEMP": os.path.join(home, "tmp"),
        "ANSIBLE_REMOTE_TMP": "/run/kragle-ansible",  # in the guest's memory: arguments of modules may be secret
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": os.path.join(home, "cp"),
        "ANSIBLE_TIMEOUT": "60",
        "ANSIBLE_SSH_RETRIES": "3",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def check(telling):
    """Has Ansible read the playbook, before a guest is started for it. Raises Failure in Ansible's own words."""
    if shutil.which(PLAYBOOK) is None:
        raise Failure("this builder image has no Ansible; a ready one (setting builderImage) has to bring it along")
    command = [PLAYBOOK, "--syntax-check", "-i", inventory(telling, 22), "-e", f"@{telling['variables']}", telling["playbook"]]
    done = subprocess.run(
        command, cwd=telling["folder"], env=environment(telling), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        words = "\n  ".join(line for line in done.stderr.splitlines() if line.strip())
        raise Failure(f'the playbook "{telling["playbook"]}" cannot run:\n  {words}')


def inventory(telling, port):
    """Writes the inventory: one host, `guest`, in every group that the plays ask for."""
    key = telling["key"]
    host = f"guest ansible_host=127.0.0.1 ansible_port={port} ansible_user=root ansible_ssh_private_key_file={key}"
    lines = [host + " ansible_ssh_common_args='-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'"]
    for group in telling["groups"]:
        lines += [f"[{group}]", "guest"]
    path = os.path.join(telling["home"], "inventory")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def main(name, mark, path):
    print(f"{mark}>{name}", flush=True)
    with open(path, encoding="utf-8") as file:
        telling = json.load(file)
    port = forwarded_port(os.environ["KRAGLE_QEMU_MONITOR"])
    command = [PLAYBOOK, "-i", inventory(telling, port), "-e", f"@{telling['variables']}", telling["playbook"]]
    missed = False
    with subprocess.Popen(
        command,
        cwd=telling["folder"],
        env=environment(telling),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as ansible:
        clock = threading.Timer(telling["seconds"], ansible.kill)
        clock.start()
        for line in ansible.stdout:
            if line.strip():
                print(f"{mark}|{line.rstrip()}", flush=True)
            missed = missed or line.startswith("skipping: no hosts matched")
        code = ansible.wait()
        late = not clock.is_alive()
        clock.cancel()
    if late and code != 0:
        sys.exit(f"{mark}!the playbook ran longer than {telling['seconds']} s (the step's timeout, or the setting timeouts)")
    if code == 0 and missed:
        sys.exit(f'{mark}!a play matched no host: the guest is called "guest", and is in all groups that "hosts" names by themselves')
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
