"""The guest of a build that failed, left as it is until whoever looks into it lets it go."""

import os
import time

import stage

POLL_SECONDS = 0.5


class KeptGuest:
    """`folder` gets kept.json, a note with the port of the container at which the guest's SSH is; a file let-go there ends the wait.

    `is_wanted` says whether anybody wants to look at this failure: not where the build goes on in another way.
    """

    def __init__(self, folder, is_wanted=lambda: True):
        self.is_wanted = is_wanted
        self.note = os.path.join(folder, "kept.json")
        self.let_go = os.path.join(folder, "let-go")

    def hold(self, port, is_there):
        """Returns when the guest is let go, or when it is gone: `is_there` says so."""
        if not self.is_wanted():
            return
        stage.phase("keep the failed guest until it is let go")
        stage.write_json(f"{self.note}.new", {"port": port})
        os.rename(f"{self.note}.new", self.note)
        while is_there() and not os.path.exists(self.let_go):
            time.sleep(POLL_SECONDS)
            os.utime(self.note)  # a sign of life for whoever watches this container
        os.remove(self.note)
