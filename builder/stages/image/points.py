"""Points: the guest's disk as it was after a step, from which a later build goes on.

A build writes into a chain of qcow2 files: the disk that the image is made on, one file for every step that has ended, and the one
into which the guest writes now. A point is taken while the guest runs: it freezes its file systems, tells so on its second serial
line, QEMU goes on in a new file, and the guest is let go on (point.sh). The file that was written until then is never written again.

No file of a chain has in its header where the one below it lies, but its place in the chain: "../chain/2.qcow2". Whoever opens one
has a folder of that name beside it, with a link for every place; 0 is that disk.
"""

import os
import re
import shutil
import socket
import threading
import time

import stage
from disk_reading import output
from guest_screen import Monitor
from packer_template import GUEST_FOLDER

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "point.sh")
IN_GUEST = f"{GUEST_FOLDER}/point.sh"
POLL_SECONDS = 0.2
MONITOR_SECONDS = 120  # a busy machine
LONGEST_LINE = 200  # bytes of what the guest tells
QUOTING = re.compile(r";[^;]*:$")  # how a failure begins to quote a log
REQUEST = re.compile(rb"point ([1-9]\d{0,3})\r?\n")


def brought():
    """The provisioner that brings point.sh into the guest."""
    return {"type": "file", "source": PROGRAM, "destination": IN_GUEST}


def followed_by_point(provisioners, step, mark):
    """The provisioners of that step, which let the point after it be taken: where the last one is a script, in the same session."""
    command = f"sh {IN_GUEST} take {step} {mark}"
    *others, last = provisioners
    if last["type"] != "shell" or "execute_command" not in last:
        return [*provisioners, {"type": "shell", "inline": [command], "remote_folder": GUEST_FOLDER}]
    return [*others, {**last, "execute_command": f"{last['execute_command']} && {command}"}]


def can_have(template):
    """Whether the template's guest writes into an overlay of Packer's, below which a chain can be laid."""
    return all(builder.get("use_backing_file") for builder in template["builders"])


def on_chain(template, chain):
    """The template with an overlay that lies on the chain; of two names for what is below it, qemu-img takes the last."""

    def laid(builder):
        arguments = builder.get("qemu_img_args", {})
        create = [*arguments.get("create", []), "-u", "-b", chain.top()]
        return {**builder, "qemu_img_args": {**arguments, "create": create}}

    return {**template, "builders": [laid(builder) for builder in template["builders"]]}


class Start:
    """From which points a build goes on: from all of them, or, after a guest that did not answer, from fewer.

    `settings` are the stage's "points", see build_image.py.
    """

    def __init__(self, settings):
        self.points = settings["from"]
        self.until = settings["until"]
        self.silent = []  # steps from whose points the guest did not answer
        self.why = None

    def fall_back(self, chain, why):
        """The next guest starts from the point before the chain's last one, after that before the first step: each silence takes minutes.

        `why` is the failure's first line.
        """
        step = chain.last_step()
        self.points = [] if self.silent else [point for point in self.points if point["step"] < step]
        self.silent.append(step)
        self.until, self.why = step, QUOTING.sub("", why)
        stage.detail(f"a guest that was started from the point after step {step} did not answer: {self.why}")
        stage.detail(f"the build begins with {self.first()}, and no point is taken from step {step} on")

    def first(self):
        return f"the point after step {self.points[-1]['step']}" if self.points else "its first step"

    def note_silent(self, results):
        """Tells which points are to be put aside, once a guest has answered: where none does, it is not their fault."""
        if self.silent:
            stage.write_json(os.path.join(results, "silent.json"), {"steps": self.silent, "why": in_a_line(self.why)})


def version(text):
    return [int(number) for number in re.findall(r"\d+", text)[:3]]


class Chain:
    """The files that a build writes, in folders of `folder`; `results` gets those that are points, by the number of their step.

    `base` is the first file of it, `qemu` the version that writes.
    """

    def __init__(self, folder, results, base, disk_bytes, qemu):
        self.folder = folder
        self.results = results
        self.disk_bytes = disk_bytes
        self.qemu = qemu
        self.steps = []  # those whose points are in it
        self.until = None  # the step at which points end, see build_image.py
        self.count = 0
        self.active = None  # the file into which the guest writes, where it is not Packer's
        self.unsure = None  # why it is not known which one that is
        self.began = time.monotonic()
        for made in (os.path.join(folder, "chain"), os.path.join(folder, "overlays"), results):
            shutil.rmtree(made, ignore_errors=True)
            os.makedirs(made)
        self.lay(base)

    def go_on_from(self, points, folder):
        """Lays the points, the lowest first, until one cannot be used. Each is its "step" and the version of the "qemu" that wrote it."""
        for point in points:
            link = self.lay(os.path.join(folder, str(point["step"]), "disk.qcow2"))
            why = self.why_unusable(link, point["qemu"])
            if why:
                stage.detail(f"the point after step {point['step']} is not used: {why}")
                os.remove(link)
                self.count -= 1
                return
            self.steps.append(point["step"])

    def why_unusable(self, path, qemu):
        if version(qemu) > version(self.qemu):
            return f"QEMU {qemu} wrote it, and this builder has {self.qemu}"
        code, _, said = output(["qemu-img", "check", "-q", "-f", "qcow2", path])
        if code not in (0, 3):  # 3: clusters that nothing refers to, which harms nobody
            return f"it is damaged: {in_a_line(said)}"
        return None

    def lay(self, path):
        """The next file of the chain that is not written any more; the link to it."""
        link = os.path.join(self.folder, "chain", f"{self.count}.qcow2")
        os.symlink(path, link)
        self.count += 1
        return link

    def takes(self, step):
        return self.until is None or step < self.until

    def last_step(self):
        """0 where the build begins with its first step."""
        return self.steps[-1] if self.steps else 0

    def top(self):
        """What the header of the file names that is to lie on the chain."""
        return f"../chain/{self.count - 1}.qcow2"

    def new_overlay(self):
        """A file for all that is written from now on; it has the form of Packer's own, see "qemu_img_args" of a template."""
        path = os.path.join(self.folder, "overlays", f"{self.count + 1}.qcow2")
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", "-F", "qcow2", "-u"]
        stage.run([*command, "-b", f"../chain/{self.count}.qcow2", path, str(self.disk_bytes)], quiet=True)
        return path

    def go_on_in(self, overlay, first):
        """The guest writes into the overlay now; `first` is the file into which it wrote until then, where that is Packer's."""
        ended = self.active or first
        self.lay(ended)
        self.active = overlay
        return ended

    def keep(self, file, step):
        """The file is the point after that step. The note of it comes last."""
        os.link(file, os.path.join(self.results, f"{step}.qcow2"))  # Packer deletes its own where the build fails
        now = time.monotonic()
        note = os.path.join(self.results, f"{step}.json")
        stage.write_json(f"{note}.new", {"below": self.steps, "qemu": self.qemu, "seconds": round(now - self.began, 1)})
        os.rename(f"{note}.new", note)
        self.steps.append(step)
        self.began = now


class PointTaker:
    """Takes a point whenever the guest asks for one; `monitor` is the name of its QEMU's monitor."""

    def __init__(self, chain, monitor):
        self.chain = chain
        self.monitor = monitor
        self.failed = None  # why the last point could not be kept: those after it would lie on nothing
        self.line = f"kragle-points-{os.urandom(8).hex()}"  # the guest's second serial line

    def environment(self):
        return {"KRAGLE_QEMU_POINTS": self.line}

    def start(self, packer, _end_packer):
        threading.Thread(target=self.serve, args=(packer,), daemon=True).start()

    def serve(self, packer):
        while packer.poll() is None:
            with socket.socket(socket.AF_UNIX) as connection:
                try:
                    connection.connect(f"\0{self.line}")
                    with connection.makefile("rwb", buffering=0) as line:
                        self.answer(line)
                except OSError:
                    pass  # QEMU has not started yet, or has ended
            time.sleep(POLL_SECONDS)

    def answer(self, line):
        while words := line.readline(LONGEST_LINE):
            request = REQUEST.fullmatch(words)
            if request:
                line.write(self.take(int(request[1])).encode() + b"\n")

    def take(self, step):
        """Takes the point after that step; "taken", or in a line why it could not be."""
        if self.failed:
            return self.failed
        try:
            overlay = self.chain.new_overlay()
            with Monitor(self.monitor, MONITOR_SECONDS) as monitor:
                disk = writable_disk(monitor)
                monitor.ask("blockdev-add", **node(overlay))
                ended = self.switch(monitor, disk, overlay)
        except (OSError, ValueError, KeyError, RecursionError, stage.Failure) as error:
            return in_a_line(error)
        try:
            self.chain.keep(ended, step)
        except OSError as error:
            self.failed = in_a_line(error)
        return self.failed or "taken"


    def switch(self, monitor, disk, overlay):
        """Lets the guest write into the overlay; the file into which it wrote until then."""
        try:
            monitor.ask("blockdev-snapshot", node=disk["node-name"], overlay=node_name(overlay))
        except OSError as error:
            self.chain.unsure = f"QEMU did not say whether it took the point: {in_a_line(error)}"
            raise
        return self.chain.go_on_in(overlay, disk["file"])


def in_a_line(error):
    return " ".join(stage.plain(str(error).replace("\n", " ")).split())


def writable_disk(monitor):
    """QEMU's description of the disk that the guest writes into; all others are read-only."""
    inserted = [device["inserted"] for device in monitor.ask("query-block") if "inserted" in device]
    disks = [disk for disk in inserted if not disk["ro"]]
    if len(disks) != 1:
        raise ValueError(f"the guest has {len(disks)} disks, expected one")
    return disks[0]


def node_name(path):
    return f"overlay-{os.path.basename(path).removesuffix('.qcow2')}"


def node(path):
    """How QEMU opens the overlay: like Packer's own disk (disk_cache, disk_discard, disk_detect_zeroes of a template)."""
    fast = {"discard": "unmap", "cache": {"no-flush": True}}
    file = {"driver": "file", "filename": path, **fast}
    return {"driver": "qcow2", "node-name": node_name(path), **fast, "detect-zeroes": "unmap", "backing": None, "file": file}
