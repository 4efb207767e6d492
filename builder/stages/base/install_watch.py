"""Follows an installer on the guest's serial line: tells its phases, and whether it came to its end.

The texts are those of anaconda 19 (pyanaconda/install.py, packaging/yumpayload.py, errors.py).
"""

import codecs
import re
import threading
import time

from stage import Failure, end_of, plain

POLL_SECONDS = 1
MOST_AT_ONCE = 2**20  # bytes of the console; an installer that fails may write without end
LONGEST_LINE = 4096  # characters of a line that are looked at
STEP = 20  # packages are told so many times
# The last command of the kickstart's last script prints it. Its text in the kickstart is in two pieces.
MARKER = "kragle: the installation is complete"
PHASES = (
    (re.compile(r"Running pre-installation scripts|Starting installer"), "start the installer"),
    (re.compile(r"Creating (disklabel|\S+ on) "), "partition the disk"),
    (re.compile(r"Starting package installation process|Preparing transaction"), "install packages"),
    (re.compile(r"Installing boot ?loader"), "install the boot loader"),
    (re.compile(r"Performing post-installation setup tasks"), "set the system up"),
    (re.compile(r"Generating initramfs"), "make the initrd"),
    (re.compile(r"Running post-installation scripts"), "run the kickstart's scripts"),
    (re.compile(re.escape(MARKER)), "power off"),
)
PACKAGE = re.compile(r"Installing (\S+) \((\d{1,6})/([1-9]\d{0,5})\)")
# After these nothing follows but a wait for somebody who is not there.
FATAL = re.compile(
    r"Kernel panic|An unknown error has occurred|The installation was stopped due to an error|"
    r"error running the kickstart script|The following problem occurred on line|Pane is dead|"
    r"dracut-initqueue timeout|Entering emergency mode|installation source .*(invalid|not found)|Error setting up software source"
)


class InstallWatch:
    """Reads the growing serial log while Packer runs. `told` gets (phase or None, text)."""

    def __init__(self, log, told):
        self.log = log
        self.told = told
        self.finished = False
        self.gave_up = None  # the line after which it is over
        self.packages = 0
        self.phase = None
        self.share = -1
        self.began = 0.0

    def start(self, packer, end_packer):
        """`packer` is its Popen, `end_packer` the function that ends it and what it started."""
        self.end_packer = end_packer
        self.thread = threading.Thread(target=self.follow, args=(packer,), daemon=True)
        self.thread.start()

    def follow(self, packer):
        position, rest = 0, ""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            over = packer.poll() is not None
            try:
                with open(self.log, "rb") as file:
                    file.seek(position)
                    data = file.read(MOST_AT_ONCE)
            except FileNotFoundError:
                data = b""
            position += len(data)
            whole = len(data) < MOST_AT_ONCE  # all that there is
            *lines, rest = re.split(r"[\r\n]+", rest + decoder.decode(data, final=over and whole))
            rest = rest[-LONGEST_LINE:]
            for line in lines + ([rest] if over and whole else []):
                self.hear(plain(line[-LONGEST_LINE:]))
            if over and whole:
                return
            time.sleep(POLL_SECONDS if whole else 0)

    def hear(self, line):
        for pattern, phase in PHASES:
            if pattern.search(line) and phase != self.phase:
                self.phase = phase
                self.told(phase, None)
        for match in PACKAGE.finditer(line):
            self.package(match[1], int(match[2]), int(match[3]))
        if MARKER in line:
            self.finished = True
        if not self.finished and not self.gave_up and FATAL.search(line):
            self.gave_up = line.strip()
            time.sleep(POLL_SECONDS)  # the lines that follow say why
            self.end_packer()

    def package(self, name, number, count):
        if number == 1 or not self.began:
            self.began = time.monotonic()
        self.packages = max(self.packages, number)
        share = number * STEP // count
        if share == self.share:
            return
        self.share = share
        left = (time.monotonic() - self.began) / max(number, 1) * (count - number)
        estimate = f", about {max(1, round(left / 60))} min left" if 1 < number < count else ""
        self.told(None, f"package {number} of {count}: {name}{estimate}")

    def join(self):
        self.thread.join()

    def demand_end(self):
        """Raises Failure where the installer did not report its end, whatever Packer said: to it, a QEMU that is gone is a success."""
        self.join()
        if self.finished and not self.gave_up:
            return
        where = f' in the phase "{self.phase}"' if self.phase else ""
        how = f"gave up{where}: {self.gave_up}" if self.gave_up else f"did not come to its end; it stopped{where}"
        raise Failure(f"the installer {how}\nthe last lines of its console:{end_of(self.log)}")
