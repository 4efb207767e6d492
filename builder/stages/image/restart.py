"""Restarts the guest when a step asks for it; Packer runs this beside QEMU, before and after the guest's own part.

    restart.py allow NAME MARK DOWN UP   from here on a guest that reboots is held instead of ending QEMU
    restart.py wait NAME MARK DOWN UP    waits DOWN seconds at most until it is held, starts it, and waits UP seconds until it answers

So nothing is left to the moment: whatever reboots without being asked to still ends QEMU, and nobody talks to the guest that goes down.
NAME is the step's, MARK what its lines begin with, see guest.sh.
"""

import functools
import os
import socket
import sys
import time

import guest_ssh

POLL_SECONDS = 0.5
RESET_SECONDS = 60


def main(what, name, mark, down, up):
    print(f"{mark}>{name}", flush=True)
    ask = functools.partial(guest_ssh.ask, os.environ["KRAGLE_QEMU_MONITOR"])
    if what == "allow":
        # with -no-reboot, a reboot is a shutdown
        ask("set-action", reboot="shutdown", shutdown="pause")
        return

    def is_held():
        return ask("query-status").get("status") == "shutdown"

    if not until(down, is_held):
        sys.exit(f"{mark}!the guest did not go down within {down} s (setting timeouts)")
    ask("set-action", reboot="reset", shutdown="poweroff")
    ask("system_reset")
    if not until(RESET_SECONDS, lambda: not is_held()):  # it is done a moment later, and until then QEMU does not go on
        sys.exit(f"{mark}!QEMU did not restart the guest")
    ask("cont")
    if not until(up, answers):
        sys.exit(
            f"{mark}!the guest did not answer on SSH within {up} s after its reboot (setting timeouts): "
            "does it still boot, and has an earlier step moved sshd to another port, or shut root out? Its console: logs/serial.log"
        )
    # only now, since a firmware that finds itself in memory resets the machine once more
    ask("set-action", reboot="shutdown")


def until(seconds, holds):
    deadline = time.monotonic() + float(seconds)
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def answers():
    """Whether the guest's SSH daemon greets; QEMU itself takes every connection."""
    port = guest_ssh.forwarded_port(os.environ["KRAGLE_QEMU_MONITOR"])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


if __name__ == "__main__":
    # what it says goes the same way as what a step prints
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"{sys.argv[3]}!QEMU could not be asked: {error!r}")
