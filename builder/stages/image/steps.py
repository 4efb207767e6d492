"""The user's steps as provisioners of Packer.

A step is what plan/steps.ts says, with its name (by which it runs in order), its title for people, and its timeout in seconds.
"""

import os

import packer_template
from stage import Failure

FOLDER = "/steps"  # what steps run, by their names


def titles(steps):
    """What people call each step, by its name: its number among the steps, and its title."""
    return {step["name"]: step["title"] for step in steps}


def provisioners(step, environment, mark):
    """The provisioners that do the step in the guest, one after the other."""
    kind = KINDS.get(step["kind"])
    if kind is None:
        raise Failure(f'the step "{step["title"]}" is of a kind that cannot be run: {step["kind"]}')
    return kind(step, environment, mark)


def script(step, environment, mark):
    path = os.path.join(FOLDER, step["name"])
    packer_template.check_script(path, step["title"])
    return [packer_template.script_provisioner(step["name"], path, environment, step["timeout"], mark)]


KINDS = {"script": script}
