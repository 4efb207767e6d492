#!/usr/bin/env python3
"""Stage "base" of a template that is installed from an ISO: Packer starts the installer of the medium on an empty disk.

Runs as any user, without capabilities, on a read-only root. Mounts: /iso (installer.iso) and /template (install.json and
the files that it names), read-only; /result and /logs.

Settings (all required):
    diskBytes, memoryMiB, cpus, accelerator ("kvm" or "tcg")
    seconds      how long the installation may take
Secrets: screenPassword, where the installer's screen is to be seen
Results: /result/disk.qcow2, /result/base.json; /logs/{packer,qemu,serial}.log.
"""

import os
import shutil

import iso_medium
import lifeline
import packer_template
import stage
from compact import only_file
from install_watch import InstallWatch
from packer_run import PackerRun

ISO, TEMPLATE, WORK, LOGS = "/iso/installer.iso", "/template", "/result", "/logs"
SCRATCH = os.path.join(WORK, ".tmp")
LEAST_MEMORY_MIB = 2048  # what the installer keeps in memory does not fit into less


class InstallRun(PackerRun):
    """A run without a communicator: the guest powers off by itself, and its serial line tells how it went."""

    def __init__(self, folder, logs, name):
        super().__init__(folder, logs, name)
        self.qemu.may_end = True
        self.installer = InstallWatch(self.log("serial.log"), tell)
        self.watches.append(self.installer)

    def reason(self, code):
        if self.qemu.ended():
            return f"{self.qemu.how_it_ended()} while the installer ran; its own words:{self.tail('qemu.log')}"
        self.installer.demand_end()
        return super().reason(code)


def tell(phase, text):
    if phase:
        stage.phase(phase)
    else:
        stage.detail(text)


def install_system(settings):
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    stage.phase("read the ISO")
    medium = iso_medium.boot_variables(ISO, SCRATCH)
    template = packer_template.load(os.path.join(TEMPLATE, "install.json"))
    password = packer_template.screen_password_file(stage.secrets(), lifeline.PRIVATE)
    build, variables = os.path.join(SCRATCH, "build.json"), os.path.join(SCRATCH, "variables.json")
    stage.write_json(build, packer_template.listening_inside(template, password))
    stage.write_json(variables, packer_template.declared(template, {**medium, **all_variables(settings)}))

    run = InstallRun(SCRATCH, LOGS, template["builders"][0]["name"])
    run.build(build, [variables])
    run.installer.demand_end()
    stage.phase("check the disk")
    disk = only_file(os.path.join(SCRATCH, "output"))
    stage.run(["qemu-img", "check", "-q", "-f", "qcow2", disk])
    os.rename(disk, os.path.join(WORK, "disk.qcow2"))
    tools = stage.tool_versions()
    facts = {"medium": medium["label"], "packages": run.installer.packages, "packer": tools["packer"], "qemu": tools["qemu"]}
    stage.write_json(os.path.join(WORK, "base.json"), facts)
    shutil.rmtree(SCRATCH)


def all_variables(settings):
    return {
        **packer_template.guest_variables(settings),
        "template_folder": TEMPLATE,
        "qemu_binary": packer_template.QEMU_RECORDED,
        "output": os.path.join(SCRATCH, "output"),
        "memory": max(settings["memoryMiB"], LEAST_MEMORY_MIB),
        "serial_log": os.path.join(LOGS, "serial.log"),
        "shutdown_timeout": f"{round(settings['seconds'])}s",
    }


if __name__ == "__main__":
    stage.main(install_system)
