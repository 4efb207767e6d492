"""Notices that QEMU ended without being asked, which Packer does not: it goes on waiting for SSH."""

import os
import threading
import time

POLL_SECONDS = 0.5


class QemuWatch:
    """Watches the QEMU of one Packer process, as `qemu-recorded` reports it, and ends Packer after it.

    `log` gets QEMU's own words; `code` is its exit code once it has ended by itself.
    """

    def __init__(self, folder, log):
        self.log = log
        self.exit_file = os.path.join(folder, "qemu.exit")
        if os.path.exists(self.exit_file):
            os.remove(self.exit_file)  # an earlier QEMU's, such as the installation's
        self.code = None
        self.may_end = False  # set while the guest powers off on request

    def environment(self):
        return {"KRAGLE_QEMU_LOG": self.log, "KRAGLE_QEMU_EXIT": self.exit_file}

    def start(self, packer, end_packer):
        """`packer` is its Popen, `end_packer` the function that ends it and what it started."""
        threading.Thread(target=self.watch, args=(packer, end_packer), daemon=True).start()

    def watch(self, packer, end_packer):
        while packer.poll() is None and not self.ended():
            time.sleep(POLL_SECONDS)
        if self.ended():
            time.sleep(POLL_SECONDS)  # Packer may be about to say more than this does
            if packer.poll() is None:
                end_packer()

    def ended(self):
        """Whether QEMU ended unasked: with an error at any time, or before the guest was told to power off."""
        if self.code is None and os.path.exists(self.exit_file):
            with open(self.exit_file, encoding="ascii") as file:
                self.code = int(file.read())
        return self.code is not None and (self.code != 0 or not self.may_end)
