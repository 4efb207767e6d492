"""Notices that QEMU ended without being asked, or that its guest is lost, which Packer does not: it goes on waiting for SSH."""

import os
import re
import threading
import time

from guest_screen import GuestScreen

POLL_SECONDS = 0.5
PICTURE_SECONDS = 10
KILLED = 128 + 9
MOST_AT_ONCE = 2**20  # bytes of the console; a guest may write without end
LONGEST_LINE = 4096  # characters of one of its lines that are looked at
NOTHING = "(?!)"  # a pattern that matches nothing: by hand, nobody waits for a sign
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0e-\x1f]")


class QemuWatch:
    """Watches the QEMU of one Packer process, as `qemu-recorded` reports it, and ends Packer after it.

    `log` gets QEMU's own words, `screen.png` beside it the last picture of the guest's screen; `code` is its exit code
    once it has ended by itself. `signs` are those of run/signs.ts, by which the guest's console, the file `console`, is
    understood: "fatal", {pattern: meaning} of what a guest that has failed for good writes there; `lost` is the meaning
    of the first that was seen. A guest that does not go on for `freeze_seconds` before its "login" prompt is lost and
    `frozen`, too; a kernel whose CPUs are stuck is not silent, but reports that again and again: "stall" is what such a
    report begins with, "kernel" any line of the kernel's.
    """

    def __init__(self, folder, log, console=None, signs=None, freeze_seconds=None):
        self.log = log
        self.screen = GuestScreen(os.path.join(os.path.dirname(log), "screen.png"))
        self.console = console
        self.files = None  # a file that the guest sees as one more disk
        signs = signs or {"fatal": {}, "stall": NOTHING, "kernel": NOTHING, "login": NOTHING}
        self.fatal = [(re.compile(pattern), meaning) for pattern, meaning in signs["fatal"].items()]
        self.stall_sign, self.kernel_line, self.login = (re.compile(signs[name]) for name in ("stall", "kernel", "login"))
        self.freeze_seconds = freeze_seconds
        self.stall = None  # what the kernel has reported since the guest went on
        self.frozen = False
        self.prompted = False
        self.went_on = time.monotonic()
        self.bytes = 0  # of the console
        self.read = 0  # of them
        self.lost = None
        self.exit_file = os.path.join(folder, "qemu.exit")
        if os.path.exists(self.exit_file):
            os.remove(self.exit_file)  # an earlier QEMU's, such as the installation's
        self.code = None
        self.may_end = False  # set while the guest powers off on request

    def environment(self):
        own = {"LOG": self.log, "EXIT": self.exit_file, "MONITOR": self.screen.monitor, "FILES": self.files or ""}
        return {f"KRAGLE_QEMU_{name}": value for name, value in own.items()}

    def start(self, packer, end_packer):
        """`packer` is its Popen, `end_packer` the function that ends it and what it started."""
        threading.Thread(target=self.watch, args=(packer, end_packer), daemon=True).start()

    def watch(self, packer, end_packer):
        pictured = time.monotonic()
        while packer.poll() is None and not self.ended() and not self.is_lost():
            time.sleep(POLL_SECONDS)
            # taken now and then, since whoever ends QEMU (Packer, a timeout outside) does so without a picture of the end
            if time.monotonic() - pictured > PICTURE_SECONDS:
                self.screen.take()
                pictured = time.monotonic()
        if packer.poll() is None:
            # a moment for what may still come: Packer's own reason, or the rest of a kernel's panic
            time.sleep(POLL_SECONDS)
            if packer.poll() is None:
                end_packer()

    def is_lost(self):
        """Whether the console says that the guest failed for good; reads what is new of it, line by line."""
        try:
            with open(self.console or os.devnull, "rb") as file:
                file.seek(self.read)
                new = file.read(MOST_AT_ONCE)
        except OSError:
            return False
        whole = len(new) if len(new) == MOST_AT_ONCE else new.rfind(b"\n") + 1
        grown, self.bytes = self.read + len(new) > self.bytes, self.read + len(new)
        # also the last line without its end: a prompt, such as that of a rescue shell, never gets one
        for line in new.decode(errors="replace").splitlines(keepends=True):
            text = ESCAPES.sub("", line)[-LONGEST_LINE:]
            if grown and self.freeze_seconds and self.shows_that_it_goes_on(text):
                self.went_on, self.stall = time.monotonic(), None
            self.prompted = self.prompted or self.login.search(text) is not None
            self.lost = self.lost or next((meaning for sign, meaning in self.fatal if sign.search(text)), None)
        self.read += whole
        self.look_for_freeze()
        return self.lost is not None

    def shows_that_it_goes_on(self, line):
        """Whether the line shows a guest at work. Once its kernel has reported that it is stuck, the kernel's own lines do not."""
        kernel = self.kernel_line.match(line) is not None
        if not line.strip() or (kernel and not line.endswith("\n")):
            return False  # judged when it is finished
        stall = self.stall_sign.search(line)
        self.stall = stall[1].strip() if stall else self.stall
        return not (kernel and self.stall)

    def look_for_freeze(self):
        still = time.monotonic() - self.went_on
        if not self.freeze_seconds or not self.bytes or self.prompted or still <= self.freeze_seconds:
            return
        self.frozen = True
        how = f"its console has said nothing for {still:.0f} s"
        if self.stall:
            how = f'for {still:.0f} s its console has only said that it is stuck: "{self.stall}"'
        self.lost = self.lost or f"the guest froze: {how}"

    def ended(self):
        """Whether QEMU ended unasked: with an error at any time, or before the guest was told to power off."""
        if self.code is None and os.path.exists(self.exit_file):
            with open(self.exit_file, encoding="ascii") as file:
                self.code = int(file.read())
        return self.code is not None and (self.code != 0 or not self.may_end)

    def how_it_ended(self):
        """How QEMU ended, as the beginning of a sentence."""
        killed = " (killed, by the kernel for want of memory or by somebody)" if self.code == KILLED else ""
        return f"QEMU ended with exit code {self.code}{killed}"
