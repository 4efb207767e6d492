"""The base disk of a template that is bootstrapped, by hand: what the stage "base" does, with the template's defaults."""

import os
import subprocess
import sys
import time

from stage import Failure, say, write_json
from template_folder import facts_of


def base_disk(home, folder, private):
    """Variables that name the disk made by the template folder's base.py; none where there is no such program.

    The disk is made in `folder`; `private` takes the settings.
    """
    program = os.path.join(home, "base.py")
    if not os.path.exists(program):
        return {}
    if os.getuid() != 0:
        raise Failure("bootstrapping the system needs root in the container; leave out --user")
    facts = facts_of(home)
    disk_bytes = facts.get("defaultDiskBytes", facts["minimumDiskBytes"])
    work = os.path.join(folder, "base")
    os.mkdir(work)
    settings = os.path.join(private, "settings.json")
    write_json(
        settings,
        {
            "diskBytes": disk_bytes,
            "kernel": facts.get("kernels", ["cloud"])[0],
            "suite": facts["suite"],
            "snapshot": None,
            "apt": {"sources": "", "conf": ""},
            "seed": os.urandom(32).hex(),
            "sourceDateEpoch": int(time.time()),
            "owner": [0, 0],
            "packageBytes": 0,
        },
    )
    say("bootstrapping the system")
    environment = {**os.environ, "KRAGLE_SETTINGS": settings, "KRAGLE_WORK": work}
    if subprocess.run([sys.executable, program], env=environment, check=False).returncode != 0:
        raise Failure("the system could not be bootstrapped; the reason is above")
    return {"base": os.path.join(work, "disk.qcow2"), "disk_bytes": disk_bytes}
