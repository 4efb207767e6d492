"""Runs one `packer build` and tells what it is doing: phases, what a failed script said, how QEMU ended."""

import os
import re
import signal
import subprocess

import stage
from packer_template import GENERALISE
from qemu_watch import QemuWatch

# Packer's own words, the same from 1.6 to 1.16, after "==> NAME: ".
STARTING = re.compile(r"Starting VM")
WAITING = re.compile(r"Waiting for SSH to become available")
SCRIPT = re.compile(r"Provisioning with shell script: (.*)")
HALTING = re.compile(r"Gracefully halting virtual machine")
SCRIPT_FAILED = re.compile(r"Script exited with non-zero exit status: (\d+)")
SCRIPT_TIMED_OUT = re.compile(r"[Cc]ontext deadline exceeded|provisioner.*timed? ?out", re.IGNORECASE)


def environment(folder):
    """Keeps everything that Packer writes for itself in the folder."""
    return {
        "TMPDIR": folder,
        "PACKER_CACHE_DIR": os.path.join(folder, "cache"),
        "PACKER_CONFIG_DIR": folder,
        "CHECKPOINT_DISABLE": "1",
    }


class PackerRun:
    """One run. `folder` is private to it and takes Packer's own files; `logs` gets packer.log, scripts.log, qemu.log."""

    def __init__(self, folder, logs, scripts):
        self.folder = folder
        self.logs = logs
        self.scripts = scripts  # names of the scripts that are told as phases
        self.script = None  # the one that runs now
        self.said = []  # its output so far
        self.qemu = QemuWatch(folder, self.log("qemu.log"))
        self.errors = []  # lines in which Packer says why it failed

    def build(self, template, variables_file):
        """Raises Failure with the reason when the build did not end well."""
        command = ["packer", "build", "-color=false", f"-var-file={variables_file}", template]
        with open(self.log("packer.log"), "a", encoding="utf-8") as log, subprocess.Popen(
            command,
            env={**os.environ, **environment(self.folder), **self.qemu.environment()},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as packer:
            self.qemu.start(packer, lambda: os.killpg(packer.pid, signal.SIGKILL))
            for line in packer.stdout:
                log.write(line)
                self.heard(stage.plain(line))
        if packer.returncode != 0:
            raise stage.Failure(self.reason(packer.returncode))

    def log(self, name):
        return os.path.join(self.logs, name)

    def heard(self, line):
        """Takes one line of Packer's: "==> NAME: step" or "    NAME: output"."""
        step = re.match(r"==> [^:]+: (.*)", line)
        if step:
            self.step(step[1])
        else:
            self.output(re.sub(r"^    [^:]+: ?", "", line))

    def output(self, text):
        """Takes what a script printed; what Packer adds elsewhere (hints, warnings) is in its log only."""
        if not self.script:
            return
        self.said.append(text)
        with open(self.log("scripts.log"), "a", encoding="utf-8") as file:
            file.write(text + "\n")
        if text.strip():
            stage.detail(text)

    def step(self, text):
        script = SCRIPT.match(text)
        if script:
            self.start_script(os.path.basename(script[1]))
        elif STARTING.match(text):
            stage.phase("start guest")
        elif WAITING.match(text):
            stage.phase("wait for ssh")
        elif HALTING.match(text):
            self.script = None
            self.qemu.may_end = True
            stage.phase("power off")
        elif self.script and not re.match(r"Provisioning step had errors|Error|Deleting|Some builds", text):
            self.output(text)  # a script's stderr looks like a step
        if re.search(r"error|timeout|failed", text, re.IGNORECASE):
            self.errors.append(text)

    def start_script(self, name):
        if name not in self.scripts:
            self.script = None
            return
        self.script, self.said = name, []
        stage.phase("generalise" if GENERALISE.fullmatch(name) else f"script {name}")
        with open(self.log("scripts.log"), "a", encoding="utf-8") as file:
            file.write(f"» {name}\n")

    def reason(self, code):
        if self.qemu.code is not None:
            return self.qemu_ended()
        errors = "\n".join(self.errors)
        failed = SCRIPT_FAILED.search(errors)
        if self.script and failed:
            return self.script_failed(f"ended with exit code {failed[1]}")
        if self.script and SCRIPT_TIMED_OUT.search(errors):
            return self.script_failed("ran longer than it may (setting timeouts)")
        if "Timeout waiting for SSH" in errors:
            return "the guest did not answer on SSH in time; the last lines of its console:" + self.tail("serial.log")
        return f"packer ended with exit code {code}:" + (self.tail("packer.log"))

    def script_failed(self, how):
        words = "".join(f"\n  {line}" for line in self.said[-stage.TAIL:]) or "\n  (it printed nothing)"
        return f'the provisioning script "{self.script}" {how}; its last lines:{words}\nall of it: logs/scripts.log'

    def qemu_ended(self):
        where = f'while the script "{self.script}" ran' if self.script else "before the guest answered on SSH"
        if self.qemu.may_end:
            where = "while the guest powered off"
        if self.qemu.code == 0:
            return f"the guest powered off by itself {where}; the last lines of its console:" + self.tail("serial.log")
        return f"QEMU ended with exit code {self.qemu.code} {where}; its own words:" + self.tail("qemu.log")

    def tail(self, name):
        return f"{stage.tail_of(self.log(name))}\nall of it: logs/{name}"
