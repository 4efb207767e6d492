"""XFS, read by xfs_db, which knows types, modes and owners and answers thousands of questions in one process."""

import os
import re
import stat

from disk_reading import CONTENT_LIMIT, ReadError, copy_range, decode, output

ENTRY = re.compile(r"\d+\s+(\d+)\s+\w+\s+0x[0-9a-f]+\s+\d+ (.*) \(\w+\)$")
FIELD = re.compile(r'(?:core|u3?)\.(\w+) = "?(.*?)"?$')
EXTENT = re.compile(r"data offset (\d+) startblock \d+ \((\d+)/(\d+)\) count (\d+) flag (\d)$")
# what xfs_repair says of a file system without faults
FINE = re.compile(r"Phase \d|\s+- |No modify flag|Cannot get host|Repair may fail|the image and the host|$")


class Xfs:
    def __init__(self, image, partition, scratch):
        self.start = partition["startBytes"]
        self.inodes = {}  # path to inode
        # the tools take no offset
        self.copied = os.path.join(scratch, f"xfs-{partition['number']}")
        with open(image, "rb") as source, open(self.copied, "wb") as target:
            copy_range(source, target, self.start, partition["sizeBytes"])

    def problems(self):
        """What xfs_repair would repair; a log that has to be replayed is a problem too."""
        code, text, errors = output(["xfs_repair", "-n", "-f", self.copied])
        problems = [line for line in (errors + text).splitlines() if not FINE.match(line)][:10]
        return problems or ([] if code == 0 else [f"xfs_repair: {code}"])

    def tree(self):
        """{path: (mode, uid, gid, bytes)} of everything, one level of folders at a time."""
        self.geometry = self._fields(["sb 0", "print blocksize agblocks agblklog rootino"], r"(\w+) = (\d+)")
        if "rootino" not in self.geometry:
            raise ReadError("xfs_db cannot read the superblock")
        found = {}
        level = [("", int(self.geometry["rootino"]))]
        while level:
            listed = []
            folders = self._inodes([inode for _, inode in level], "ls")
            for (folder, _), lines in zip(level, folders, strict=True):
                for match in filter(None, map(ENTRY.match, lines)):
                    if match[2] not in (".", ".."):
                        listed.append((f"{folder}/{match[2]}", int(match[1])))
            level = []
            facts = self._inodes([inode for _, inode in listed], "print core.uid core.gid core.size")
            for (path, inode), lines in zip(listed, facts, strict=True):
                fields = dict(match.groups() for match in map(FIELD.match, lines) if match)
                mode = int(fields["mode"], 8)
                found[path] = (mode, int(fields["uid"]), int(fields["gid"]), int(fields["size"]))
                self.inodes[path] = inode
                if stat.S_ISDIR(mode):
                    level.append((path, inode))
        if not found:
            raise ReadError("xfs_db cannot read the root folder")
        return found

    def read(self, tree, paths):
        """{path: text}: the content of files, the target of symbolic links."""
        links = [path for path in paths if stat.S_ISLNK(tree[path][0])]
        files = [path for path in paths if stat.S_ISREG(tree[path][0]) and tree[path][3] <= CONTENT_LIMIT]
        contents = {}
        # a target longer than what the inode holds (over 300 bytes) stays unread
        targets = self._inodes([self.inodes[path] for path in links], "print u3.symlink\nprint u.symlink")
        for path, lines in zip(links, targets, strict=True):
            fields = dict(match.groups() for match in map(FIELD.match, lines) if match)
            contents[path] = fields.get("symlink", "")
        for path, pieces in self._pieces(files):
            contents[path] = decode(b"".join(pieces)[: tree[path][3]])
        return contents

    def copy(self, tree, targets):
        """Writes files of any size to {path: target}."""
        for path, pieces in self._pieces(list(targets)):
            with open(targets[path], "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.truncate(tree[path][3])

    def owner(self, offset):
        """Which file the byte of the image belongs to."""
        block = (offset - self.start) // int(self.geometry["blocksize"])
        group, rest = divmod(block, int(self.geometry["agblocks"]))
        number = group << int(self.geometry["agblklog"]) | rest
        _, text, _ = output(["xfs_db", "-r", self.copied], f"blockget -n\nfsblock {number}\nblockuse -n\n")
        match = re.search(r"type data inode \d+ (.+)$", text, re.M)
        return f"/{match[1].lstrip('/')}" if match else "a deleted file or free space"

    def _pieces(self, paths):
        """The content of files, as (path, bytes of its extents one after the other)."""
        size = int(self.geometry["blocksize"])
        with open(self.copied, "rb") as image:
            extents = self._inodes([self.inodes[path] for path in paths], "bmap")
            for path, lines in zip(paths, extents, strict=True):
                yield path, self._content(image, lines, size)

    def _content(self, image, lines, size):
        position = 0
        for match in filter(None, map(EXTENT.match, lines)):
            at, group, block, count, unwritten = map(int, match.groups())
            yield bytes((at - position) * size)  # a hole
            position = at + count
            start = (group * int(self.geometry["agblocks"]) + block) * size
            yield bytes(count * size) if unwritten else os.pread(image.fileno(), count * size, start)

    def _inodes(self, inodes, command):
        """The lines that a command prints at each inode; the first one is its mode."""
        if not inodes:
            return []
        script = "".join(f"inode {inode}\nprint core.mode\n{command}\n" for inode in inodes)
        _, text, errors = output(["xfs_db", "-r", self.copied], script)
        answers = []
        for line in text.splitlines():
            if line.startswith("core.mode = "):
                answers.append([])
            if answers:
                answers[-1].append(line)
        if len(answers) != len(inodes):
            raise ReadError(f"xfs_db: {errors.strip()[:200]}")
        return answers

    def _fields(self, commands, pattern):
        _, text, _ = output(["xfs_db", "-r", self.copied], "\n".join(commands) + "\n")
        return dict(re.findall(pattern, text))
