"""Reads the file systems of a raw disk image without mounting them, as any user: ext2/3/4 by debugfs, FAT by mtools.

A reader has `problems()`, `tree()`, `read(tree, paths)` and `owner(offset)`; paths begin with "/". What no reader
understands is for the caller to report as not checked.
"""

import os
import re
import stat
import subprocess

ENVIRONMENT = {**os.environ, "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1"}
CONTENT_LIMIT = 16 * 2**20  # bytes of a file that are of interest


class ReadError(Exception):
    """A file system that a tool cannot read."""


def open_reader(kind, image, partition, scratch):
    """The reader for blkid's name of a file system on {"startBytes", "sizeBytes"} of the image, or None."""
    if kind in ("ext2", "ext3", "ext4"):
        return Ext(image, partition, scratch)
    if kind == "vfat":
        return Fat(image, partition, scratch)
    return None


def output(command):
    result = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return result.returncode, decode(result.stdout), decode(result.stderr)


def decode(data):
    return data.decode("utf-8", "surrogateescape")


class Ext:
    """A file system of the ext family."""

    def __init__(self, image, partition, scratch):
        self.start = partition["startBytes"]
        self.device = f"{image}?offset={self.start}"
        self.scratch = scratch
        self.inodes = {}  # path to inode

    def problems(self):
        """What e2fsck would repair; a journal that has to be replayed is a problem too."""
        code, text, errors = output(["e2fsck", "-fn", self.device])
        if code == 0:
            return []
        noise = re.compile(r"Pass \d|e2fsck \d|$")
        return [line for line in (errors + text).splitlines() if not noise.match(line)][:10] or [f"e2fsck: {code}"]

    def tree(self):
        """{path: (mode, uid, gid, bytes)} of everything, one level of folders at a time."""
        found = {}
        level = [("", 2)]
        while level:
            answers = self._debugfs(f"ls -p <{inode}>" for _, inode in level)
            below = []
            for (folder, _), answer in zip(level, answers):
                for line in answer:
                    parts = line.split("/")
                    if len(parts) != 8 or parts[5] in (".", ".."):
                        continue
                    inode, mode = int(parts[1]), int(parts[2], 8)
                    path = f"{folder}/{parts[5]}"
                    found[path] = (mode, int(parts[3]), int(parts[4]), int(parts[6] or 0))
                    self.inodes[path] = inode
                    if stat.S_ISDIR(mode):
                        below.append((path, inode))
            if level[0][1] == 2 and not found:
                raise ReadError("debugfs cannot read the root folder")
            level = below
        return found

    def read(self, tree, paths):
        """{path: text}: the content of files, the target of symbolic links."""
        links, files = [], []
        for path in paths:
            mode, _, _, size = tree[path]
            if stat.S_ISLNK(mode) and size < 60:  # the inode itself holds the target
                links.append(path)
            elif (stat.S_ISLNK(mode) or stat.S_ISREG(mode)) and size <= CONTENT_LIMIT:
                files.append(path)
        names = [os.path.join(self.scratch, str(number)) for number in range(len(files))]
        self._debugfs(f"dump <{self.inodes[path]}> {name}" for path, name in zip(files, names))
        contents = {}
        for path, name in zip(files, names):
            with open(name, "rb") as file:
                contents[path] = decode(file.read())
            os.unlink(name)
        for path, answer in zip(links, self._debugfs(f"stat <{self.inodes[path]}>" for path in links)):
            target = re.search(r'^Fast link dest: "(.*)"$', "\n".join(answer), re.M)
            contents[path] = target.group(1) if target else ""
        return contents

    def owner(self, offset):
        """Which file the byte of the image belongs to."""
        _, text, _ = output(["dumpe2fs", "-h", self.device])
        block = (offset - self.start) // int(re.search(r"^Block size:\s+(\d+)", text, re.M).group(1))
        [answer] = self._debugfs([f"icheck {block}"])
        inode = answer[-1].split("\t")[-1] if answer else ""
        if not inode.isdigit():
            return "a deleted file or free space"
        return next((path for path, number in self.inodes.items() if number == int(inode)), f"inode {inode}")

    def _debugfs(self, commands):
        """The lines that each command printed."""
        commands = list(commands)
        if not commands:
            return []
        script = os.path.join(self.scratch, "commands")
        with open(script, "w", encoding="utf-8") as file:
            file.write("\n".join(commands) + "\n")
        _, text, errors = output(["debugfs", "-f", script, self.device])
        answers = []
        for line in text.splitlines():
            if line.startswith("debugfs: "):
                answers.append([])
            elif answers:
                answers[-1].append(line)
        if len(answers) != len(commands):
            raise ReadError(f"debugfs: {errors.strip()}")
        return answers


class Fat:
    """An EFI system partition."""

    def __init__(self, image, partition, scratch):
        self.image, self.partition, self.scratch = image, partition, scratch
        self.drive = ["-i", f"{image}@@{partition['startBytes']}"]

    def problems(self):
        copy = os.path.join(self.scratch, "fat")
        with open(self.image, "rb") as image, open(copy, "wb") as file:
            copy_range(image, file, self.partition["startBytes"], self.partition["sizeBytes"])
        code, text, errors = output(["fsck.vfat", "-n", copy])
        os.unlink(copy)
        return [] if code == 0 else (text + errors).splitlines()[1:10]

    def tree(self):
        """Files and folders; FAT knows no owners and modes."""
        code, text, errors = output(["mdir", *self.drive, "-/", "-a", "-b", "::"])
        if code != 0 and errors.strip():
            raise ReadError(f"mdir: {errors.strip()}")
        found = {}
        for name in text.splitlines():
            path = name.removeprefix("::")
            mode = stat.S_IFDIR | 0o755 if path.endswith("/") else stat.S_IFREG | 0o644
            found[path.rstrip("/")] = (mode, 0, 0, 0)
        return found

    def read(self, tree, paths):
        files = [path for path in paths if stat.S_ISREG(tree[path][0])]
        return {path: output(["mtype", *self.drive, f"::{path}"])[1] for path in files}

    def owner(self, _offset):
        return "the EFI system partition"


def extents(file, start=0, end=None):
    """The ranges (offset, bytes) of a sparse file that hold data."""
    end = end if end is not None else os.fstat(file.fileno()).st_size
    position = start
    while position < end:
        try:
            data = os.lseek(file.fileno(), position, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        if data >= end:
            return
        hole = min(os.lseek(file.fileno(), data, os.SEEK_HOLE), end)
        yield data, hole - data
        position = hole


def copy_range(source, target, start, size):
    """Copies a part of a sparse file and keeps its holes."""
    target.truncate(size)
    for offset, length in extents(source, start, start + size):
        while length > 0:
            data = os.pread(source.fileno(), min(length, 2**20), offset)
            if not data:
                return
            os.pwrite(target.fileno(), data, offset - start)
            offset, length = offset + len(data), length - len(data)
