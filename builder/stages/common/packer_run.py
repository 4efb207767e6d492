"""Runs one `packer build` and tells what it is doing: phases, what a failed script said, how QEMU ended."""

import collections
import os
import re
import signal
import subprocess
import threading
import time

import stage
import terminal_line
from packer_template import GENERALISE
from qemu_watch import QemuWatch

# What Packer says. 1.6 puts spaces before a script's standard output only; for 1.16 all is a step.
STEP = re.compile(r"50-(\d+)-")  # the names of the user's steps, see plan/steps.ts
CUT = (
    "a step must neither reboot the guest nor end its SSH: write the step {reboot: true} behind it, and leave what would shut the "
    "build out (another port of sshd, an end of root's sessions) in files that count from the next boot on"
)
LINE = r"(==>|   ) (?:qemu\.)?{name}: (.*)"
SCRIPT = re.compile(r"Provisioning with shell script: (.*)")
WAY_IN = re.compile(r"way in\t(.*)")
REMOVED = re.compile(r"removed\t(?:[^\t]*\t){3}[^\t]*")
REFUSED = re.compile(r"Failed to fetch|apt has refused|does not match intended download")  # apt, guest.sh, yum
ERRORED = re.compile(r"Build '.*' errored[^:]*: (.*)")
PORT = re.compile(r"Found port for (?:SSH|communicator).*: (\d+)")
ABORTED = re.compile(r'Step ".*" failed, aborting|aborted: skipping cleanup of step')  # where the guest is kept
CLEANUP = "Provisioning step had errors"  # before Packer runs the cleanup provisioner
# All that it says where one of its own processes has ended.
PLUGIN_LOST = re.compile(r"unexpected EOF|connection is shut down|[Pp]lugin (?:process )?(?:exited|crashed)")
EXIT_STATUS = re.compile(r"(?:Script exited with non-zero exit status:|Erroneous exit code) (\d+)")  # the latter: 1.6, shell-local

# What a line of a step is by the character behind the mark; all else is data.
NOTE = "!"  # what kragle has to say of it
BEGINS = ">"  # the name of a step that begins, where Packer does not say so

LONGEST_PIECE = 2**16  # characters of a line that are taken at once; a script may print one without end
MOST_REMOVED = 5000  # paths that generalisation took away of which a list is kept


def environment(folder):
    """Keeps everything that Packer writes for itself in the folder."""
    return {
        "TMPDIR": folder,
        "PACKER_CACHE_DIR": os.path.join(folder, "cache"),
        "PACKER_CONFIG_DIR": folder,
        "CHECKPOINT_DISABLE": "1",
    }


def end_leftovers(packer, spare=False):
    """Ends plugins that outlive a killed Packer: they would hold its output open, and its reader would wait for ever.

    With `spare`, what a failed Packer has left is kept, for a while.
    """
    if packer.wait() != 0 and spare:
        return
    try:
        os.killpg(packer.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # as it should be


class PackerRun:
    """One run of a template with one builder of that name.

    `folder` is private to the run and takes Packer's own files; `logs` gets packer.log, scripts.log, qemu.log
    and screen.png.
    `signs` are what its guest's console, logs/serial.log, says of its life, `freeze_seconds` when it counts as frozen, see
    QemuWatch. `titles` are the scripts' names as people know them, by those in the template; what they print begins with `mark`, see
    guest.sh. `kept` holds the guest of a build that failed, see KeptGuest. All else is Packer's.
    """

    def __init__(self, folder, logs, name, signs=None, freeze_seconds=None, titles=None, mark=None, kept=None):
        self.folder = folder
        self.logs = logs
        self.line = re.compile(LINE.format(name=re.escape(name)))
        self.titles = titles or {}
        self.mark = mark
        self.removed = []  # what generalisation took away: (what was done, why, path, script in whose time it had changed last)
        self.way_in = []  # what generalisation told of how the next build comes in, see plan/wayIn.ts
        self.qemu = QemuWatch(folder, self.log("qemu.log"), self.log("serial.log"), signs, freeze_seconds)
        self.watches = [self.qemu]
        self.environment = {}
        self.scripts = stage.Log(self.log("scripts.log"))
        self.script = None  # the provisioning script that runs now, or that failed
        self.begun = None  # the last that began; one that restarts the guest says so twice
        self.began = 0  # when that was, of the clock that only counts on
        self.refused = False  # whether it was told that a download is not what it has to be
        self.said = collections.deque(maxlen=stage.TAIL)  # the end of its output
        self.stray = collections.deque(maxlen=stage.TAIL)  # lines meanwhile that are not its own
        self.rest = None  # whether the next piece is the rest of a line, and of a script's: None, False or True
        self.failed = False  # the script that runs has failed; what runs after it only cleans up
        self.timed_out = False  # whether Packer ended the build because a timeout of a provisioner was over
        self.why = ""  # Packer's last word on its failure
        self.kept = kept
        self.port = None  # of the guest's SSH

    def attach(self, watch):
        """Lets one more follow the run: it has `start`, as QemuWatch does, and `environment` for Packer and QEMU."""
        self.watches.append(watch)
        self.environment.update(watch.environment())

    def log(self, name):
        return os.path.join(self.logs, name)

    def build(self, template, variables_files):
        """Raises Failure with the reason when the build did not end well."""
        options = ["-color=false", *(["-on-error=abort"] if self.kept else [])]
        command = ["packer", "build", *options, *(f"-var-file={file}" for file in variables_files), template]
        log = stage.Log(self.log("packer.log"))
        with subprocess.Popen(
            command,
            env={**os.environ, **environment(self.folder), **self.qemu.environment(), **self.environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as packer:
            threading.Thread(target=end_leftovers, args=(packer, self.kept is not None), daemon=True).start()
            for watch in self.watches:
                watch.start(packer, lambda: self.end(packer))
            for piece in iter(lambda: packer.stdout.readline(LONGEST_PIECE), ""):
                log.write(piece)
                self.hear(piece)
        if packer.returncode == 0:
            return
        reason = self.reason(packer.returncode)
        if self.kept:
            if self.port and not self.qemu.lost and not self.qemu.ended():
                for line in reason.split("\n"):
                    stage.detail(line)
                self.kept.hold(self.port, lambda: not self.qemu.ended())
            end_leftovers(packer)
        raise stage.Failure(reason)

    def end(self, packer):
        self.qemu.screen.take()
        os.killpg(packer.pid, signal.SIGKILL)

    def hear(self, piece):
        """A line of Packer's output, or a piece of one that is too long."""
        line = piece.rstrip("\r\n")
        if self.rest is None:
            self.rest = self.take(line)
        elif self.rest:
            self.scripts.write(line)
        if piece.endswith("\n"):
            if self.rest:
                self.scripts.write("\n")
            self.rest = None

    def take(self, line):
        """Whether the line is a script's: what a script prints is never taken for Packer's own words."""
        match = self.line.match(line)
        text = match[2] if match else ""
        if self.mark and text.startswith(self.mark):
            kind, text = text[len(self.mark) :][:1], text[len(self.mark) + 1 :]
            if kind == BEGINS:
                self.start_script(text)
            else:
                self.output(f"kragle: {text}" if kind == NOTE else text)
            return True
        errored = ERRORED.match(line)
        if errored:
            self.why = errored[1]
        elif match:
            self.step(stage.plain(text))
        return False

    def step(self, text):
        script = SCRIPT.match(text)
        if script:
            self.start_script(os.path.basename(script[1]))
        elif PORT.match(text):
            self.port = int(PORT.match(text)[1])
        elif text.startswith("Starting VM"):
            stage.phase("start guest")
        elif text.startswith("Waiting for SSH to become available"):
            stage.phase("wait for ssh")
        elif text.startswith("Gracefully halting virtual machine"):
            self.qemu.may_end = True
            self.script = None
            stage.phase("power off")
        elif text.startswith(CLEANUP):
            self.failed = True
        elif text.startswith("Error"):
            self.why = text
        elif text.startswith("Cancelling provisioner"):
            self.timed_out = True
        elif not ABORTED.match(text):
            self.stray.append(text)

    def start_script(self, name):
        """Notes which script runs. The template's own commands, whose names Packer invents, are not shown as one."""
        if self.failed:
            return
        own = name in self.titles
        self.script = name if own else None
        self.said.clear()
        self.stray.clear()
        if own and name != self.begun:
            self.begun = name
            self.began = time.monotonic()
            self.refused = False
            stage.phase("generalise" if GENERALISE.fullmatch(name) else self.what().replace("the provisioning ", ""))
            self.scripts.write(f"» {self.titles[name]}\n")

    def output(self, text):
        """Keeps what a script printed, or what guest.sh has to say of it."""
        self.scripts.write(text)
        self.refused = self.refused or bool(REFUSED.search(text))
        generalising = self.script and GENERALISE.fullmatch(self.script)
        if generalising and REMOVED.fullmatch(text):
            self.note_removed(*text.split("\t")[1:])
        elif generalising and WAY_IN.fullmatch(text):
            self.way_in.append(WAY_IN.fullmatch(text)[1])
        else:
            # half an escape sequence would hide a secret from whoever looks for them later on
            left = terminal_line.left_of(text)
            self.said.append(stage.plain(left))
            stage.detail(left)

    def note_removed(self, what, why, path, script):
        if len(self.removed) < MOST_REMOVED:
            self.removed.append((what, why, path, "" if script == "-" else self.titles.get(script, script)))

    def reason(self, code):
        if self.qemu.lost:
            return f"{self.qemu.lost} {self.where()}; the last lines of its console:{self.tail('serial.log')}"
        if self.qemu.ended():
            return self.qemu_ended()
        status = EXIT_STATUS.search(self.why)
        if self.script and status:
            return self.script_failed(f"ended with exit code {status[1]}")
        if self.script and self.timed_out:
            return self.script_failed("ran longer than it may (setting timeouts)")
        if self.script and "disconnected" in self.why:
            return self.script_failed(f"cut the connection to the guest; {CUT}")
        if "Timeout waiting for SSH" in self.why:
            return f"the guest did not answer on SSH in time (setting timeouts); its console:{self.tail('serial.log')}"
        if "waiting for machine to shut down" in self.why:
            return f"the guest did not power off in time (setting timeouts); its console:{self.tail('serial.log')}"
        if PLUGIN_LOST.search(self.why):
            return (
                f"Packer lost its plugin {self.where()}, a process of its own that drives the guest ({self.why}): most often this machine "
                "had no memory left, or no time of a processor; see what else runs on it, or give guests less (settings memory and cpus), "
                f"then run the same command again; its last lines:{self.tail('packer.log')}"
            )
        return f"packer ended with exit code {code}: {self.why or 'its last lines:'}{self.tail('packer.log')}"

    def script_failed(self, how):
        words = "".join(f"\n  {line}" for line in self.said or self.stray) or "\n  (it printed nothing)"
        for name, title in self.titles.items():  # generalisation names the script that left what it cannot take away
            words = words.replace(name, title)
        return f"{self.what()} {how}; its last lines:{words}\nall of it: logs/scripts.log"

    def what(self):
        """What runs now, or failed: a step by its number and title, or another script."""
        number = STEP.match(self.script)
        title = self.titles[self.script]
        return f"step {int(number[1])} ({title})" if number else f'the provisioning script "{title}"'

    def where(self):
        if self.qemu.may_end:
            return "while the guest powered off"
        if self.script:
            return f"while {self.what()} ran"
        return "before the guest answered on SSH"

    def qemu_ended(self):
        if self.qemu.code == 0:
            advice = f" ({CUT})" if self.script else ""
            how = f"the guest powered off or rebooted by itself {self.where()}{advice}"
            return f"{how}; the last lines of its console:{self.tail('serial.log')}"
        return f"{self.qemu.how_it_ended()} {self.where()}; its own words:{self.tail('qemu.log')}"

    def tail(self, name):
        return stage.end_of(self.log(name))
