"""The ext family, read by debugfs."""

import os
import re
import stat

from disk_reading import CONTENT_LIMIT, ReadError, decode, output
from file_pieces import pieces_of_copies
from folder_walk import walk

ROOT = 2  # the root folder's inode
RECORD = re.compile(r"/(\d+)/(\d+)/(\d+)/(\d+)/([^/]*)/(\d*)/\n")


class Ext:
    """A file system of the ext family."""

    def __init__(self, image, partition, scratch):
        self.start = partition["startBytes"]
        self.partition_bytes = partition["sizeBytes"]
        self.device = f"{image}?offset={self.start}"
        self.scratch = scratch
        self.superblock = None  # dumpe2fs's words
        self.inodes = {}  # path to inode

    def problems(self):
        """What e2fsck would repair; a journal that has to be replayed is a problem too."""
        blocks, size = self._superblock("Block count"), self._superblock("Block size")
        if blocks * size > self.partition_bytes:
            # e2fsck sees the disk, and not where the partition ends
            return [f"it has {blocks * size} bytes, and its partition {self.partition_bytes}: no kernel mounts it"]
        code, text, errors = output(["e2fsck", "-fn", self.device])
        if code == 0:
            return []
        noise = re.compile(r"Pass \d|e2fsck \d|$")
        return [line for line in (errors + text).splitlines() if not noise.match(line)][:10] or [f"e2fsck: {code}"]

    def tree(self):
        """{path: (mode, uid, gid, bytes)} of everything."""
        found, self.inodes = walk("debugfs", ROOT, self._list)
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
        self.copy(tree, dict(zip(files, names, strict=True)))
        contents = {}
        for path, name in zip(files, names, strict=True):
            if os.path.exists(name):
                with open(name, "rb") as file:
                    contents[path] = decode(file.read())
                os.unlink(name)
        targets = self._debugfs(f"stat <{self.inodes[path]}>" for path in links)
        for path, answer in zip(links, targets, strict=True):
            target = re.search(r'^Fast link dest: "(.*)"$', answer, re.M | re.S)
            if target:
                contents[path] = target.group(1)
        return contents

    def copy(self, _tree, targets):
        """Writes files of any size to {path: target}."""
        self._debugfs(f"dump <{self.inodes[path]}> {target}" for path, target in targets.items())

    def pieces(self, tree, paths):
        """(path, pieces of its content) of files of any size."""
        return pieces_of_copies(self, tree, paths)

    def owner(self, offset):
        """Which file the byte of the image belongs to."""
        block = (offset - self.start) // self._superblock("Block size")
        [answer] = self._debugfs([f"icheck {block}"])
        inode = answer.strip().split("\n")[-1].split("\t")[-1]
        if not inode.isdigit():
            return "a deleted file or free space"
        return next((path for path, number in self.inodes.items() if number == int(inode)), f"inode {inode}")

    def _list(self, folders):
        answers = self._debugfs([f"ls -p <{inode}>" for _, inode in folders], strict=True)
        for (folder, _), answer in zip(folders, answers, strict=True):
            for inode, mode, uid, gid, name, size in entries(folder, answer):
                yield f"{folder}/{name}", inode, (mode, uid, gid, size)

    def _superblock(self, field):
        """A number of the superblock, 0 where it cannot be read."""
        if self.superblock is None:
            _, self.superblock, _ = output(["dumpe2fs", "-h", self.device])
        match = re.search(rf"^{field}:\s+(\d+)", self.superblock, re.M)
        return int(match[1]) if match else 0

    def _debugfs(self, commands, strict=False):
        """What each command printed; `strict` where a complaint about any of them spoils them all.

        debugfs repeats each command before its answer. The mark behind it, blanks that nobody can foresee, tells that line from
        one in a file's name or a link's target.
        """
        commands = list(commands)
        if not commands:
            return []
        mark = f"{int.from_bytes(os.urandom(8)):064b}".replace("0", " ").replace("1", "\t")
        script = os.path.join(self.scratch, "commands")
        with open(script, "w", encoding="utf-8") as file:
            file.writelines(f"{command}{mark}\n" for command in commands)
        _, text, errors = output(["debugfs", "-f", script, self.device])
        complaints = [line for line in errors.split("\n") if line.strip() and not line.startswith("debugfs 1.")]
        answers = re.split(rf"^debugfs: [^\n]*{mark}\n", text, flags=re.M)[1:]
        if len(answers) != len(commands) or (strict and complaints):
            raise ReadError(f"debugfs: {'; '.join(complaints[:3])}")
        return answers


def entries(folder, listing):
    """(inode, mode, uid, gid, name, bytes) of what a folder holds, but for "." and ".."; a name may hold anything but "/" and 0."""
    position = 0
    for match in RECORD.finditer(listing):
        if match.start() != position:
            break
        position = match.end()
        inode, mode, uid, gid, name, size = match.groups()
        # the inode 0: no entry, but room for one
        if int(inode) and name not in (".", ".."):
            yield int(inode), int(mode, 8), int(uid), int(gid), name, int(size or 0)
    if listing[position:].strip("\n"):
        raise ReadError(f"debugfs lists {folder or '/'} in a way that is not understood")
