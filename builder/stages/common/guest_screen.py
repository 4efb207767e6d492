"""A picture of a guest's screen, which often shows what the serial console does not: a firmware's menu, an installer's question."""

import json
import os
import socket
import time

ANSWER_SECONDS = 5  # a QEMU that hangs must not hold up whoever watches it
LONGEST_LINE = 2**16  # characters; what is asked for is answered in a few


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
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_SECONDS)
                connection.connect(f"\0{self.monitor}")
                with connection.makefile("rw", encoding="utf-8") as lines:
                    lines.readline(LONGEST_LINE)  # its greeting
                    ask(lines, "qmp_capabilities")
                    ask(lines, "screendump", filename=new, format="png")
            os.replace(new, self.path)
        except (OSError, ValueError, RecursionError):  # the last: JSON that is nested too deeply
            pass


def ask(lines, command, **arguments):
    """One request of the QEMU Machine Protocol (https://www.qemu.org/docs/master/interop/qmp-spec.html)."""
    lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    lines.flush()
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        line = lines.readline(LONGEST_LINE)
        if not line:
            raise OSError("QEMU closed its monitor")
        answer = json.loads(line)
        if not isinstance(answer, dict) or "error" in answer:
            raise ValueError(answer)
        if "return" in answer:
            return
    raise OSError("QEMU's monitor speaks of other things")
