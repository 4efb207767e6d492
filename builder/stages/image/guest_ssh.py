"""Where the guest's SSH daemon is reached from its container: Packer chose the port, and QEMU knows it."""

import re
import time

from guest_screen import Monitor

FORWARDED = re.compile(r"TCP\[HOST_FORWARD\]\s+\S+\s+127\.0\.0\.1\s+(\d+)\s")
TRIES = 10
BETWEEN_SECONDS = 0.5


def ask(monitor, command, **arguments):
    """QEMU's answer. Its monitor speaks with one at a time, so another conversation may have to end first."""
    for left in reversed(range(TRIES)):
        try:
            with Monitor(monitor) as conversation:
                return conversation.ask(command, **arguments)
        except OSError:
            if left == 0:
                raise
            time.sleep(BETWEEN_SECONDS)
    return None


def forwarded_port(monitor):
    """The port on the container's loopback. Raises ValueError where QEMU forwards none."""
    answer = ask(monitor, "human-monitor-command", **{"command-line": "info usernet"})
    found = FORWARDED.search(str(answer))
    if not found:
        raise ValueError("QEMU forwards no port to the guest")
    return int(found[1])
