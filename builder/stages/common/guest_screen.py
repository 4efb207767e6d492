"""QEMU's monitor, and a picture of its guest's screen.

That often shows what the serial console does not: a firmware's menu, an installer's question."""

import json
import os
import socket
import time

ANSWER_SECONDS = 5  # a QEMU that hangs must not hold up whoever watches it
LONGEST_LINE = 2**18  # characters; a disk is told with all that it lies on


class GuestScreen:
    """Takes pictures into the file `path` through QEMU's monitor.

    The monitor is a socket in Linux's abstract namespace, so that no file system has to allow for one, whatever is mounted.
    """

    def __init__(self, path):
        self.path = path
        self.monitor = f"kragle-monitor-{os.urandom(8).hex()}"

    def take(self):
        """Replaces the last picture; leaves it where QEMU cannot be asked, as before its start and after its end."""
        new = f"{self.path}.new"
        try:
            with Monitor(self.monitor) as monitor:
                monitor.ask("screendump", filename=new, format="png")
            os.replace(new, self.path)
        except (OSError, ValueError, RecursionError):  # the last: JSON that is nested too deeply
            pass


class Monitor:
    """A conversation with QEMU through its monitor: the QEMU Machine Protocol.

    https://www.qemu.org/docs/master/interop/qmp-spec.html. Raises OSError where QEMU cannot be asked, ValueError where it answers with
    an error or with what is none of the protocol's. `seconds` is how long an answer may take.
    """

    def __init__(self, name, seconds=None):
        self.seconds = seconds or ANSWER_SECONDS
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(self.seconds)
        try:
            self.socket.connect(f"\0{name}")
            self.lines = self.socket.makefile("rw", encoding="utf-8")
            self.lines.readline(LONGEST_LINE)  # its greeting
            self.ask("qmp_capabilities")
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, command, **arguments):
        """What QEMU returns."""
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.lines.flush()
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            line = self.lines.readline(LONGEST_LINE)
            if not line:
                raise OSError("QEMU closed its monitor")
            answer = json.loads(line)
            if not isinstance(answer, dict) or "error" in answer:
                raise ValueError(answer)
            if "return" in answer:
                return answer["return"]
        raise OSError("QEMU's monitor speaks of other things")
