"""XFS, read by xfs_db, which knows types, modes and owners and answers thousands of questions in one process."""

import os
import re
import stat

from disk_reading import CONTENT_LIMIT, ReadError, copy_range, decode, output
from folder_walk import walk

# of a folder: inode, kind, the name's length in bytes; the name follows, and whether its digest is right
ENTRY = re.compile(rb"\d+\s+(\d+)\s+\w+\s+0x[0-9a-f]+\s+(\d+) ")
ENTRY_END = re.compile(rb" \(\w+\)\n")
FIELD = re.compile(r'(?:core|u3?)\.(\w+) = "?(.*?)"?$')
# how xfs_db writes what is not printable in a link's target; others stand for themselves
ESCAPES = {b"a": b"\a", b"b": b"\b", b"d": b"\n", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
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
        """{path: (mode, uid, gid, bytes)} of everything."""
        self.geometry = self._fields(["sb 0", "print blocksize agblocks agblklog rootino"], r"(\w+) = (\d+)")
        if "rootino" not in self.geometry:
            raise ReadError("xfs_db cannot read the superblock")
        found, self.inodes = walk("xfs_db", int(self.geometry["rootino"]), self._list)
        return found

    def read(self, tree, paths):
        """{path: text}: the content of files, the target of symbolic links."""
        links = [path for path in paths if stat.S_ISLNK(tree[path][0])]
        files = [path for path in paths if stat.S_ISREG(tree[path][0]) and tree[path][3] <= CONTENT_LIMIT]
        contents = {}
        # a target longer than what the inode holds (over 300 bytes) stays unread
        targets = self._inodes([self.inodes[path] for path in links], "print u3.symlink\nprint u.symlink")
        for path, answer in zip(links, targets, strict=True):
            target = fields_of(answer).get("symlink")
            if target is not None:
                contents[path] = unescape(target)
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

    def pieces(self, tree, paths):
        """(path, pieces of its content) of files of any size."""
        for path, pieces in self._pieces(list(paths)):
            yield path, exactly(pieces, tree[path][3])

    def owner(self, offset):
        """Which file the byte of the image belongs to."""
        block = (offset - self.start) // int(self.geometry["blocksize"])
        group, rest = divmod(block, int(self.geometry["agblocks"]))
        number = group << int(self.geometry["agblklog"]) | rest
        _, text, _ = output(["xfs_db", "-r", self.copied], f"blockget -n\nfsblock {number}\nblockuse -n\n")
        match = re.search(r"type data inode \d+ (.+)$", text, re.M)
        return f"/{match[1].lstrip('/')}" if match else "a deleted file or free space"

    def _list(self, folders):
        listings = self._inodes([inode for _, inode in folders], "ls")
        listed = [
            (f"{folder}/{name}", inode)
            for (folder, _), listing in zip(folders, listings, strict=True)
            for inode, name in entries(folder, listing)
        ]
        facts = self._inodes([inode for _, inode in listed], "print core.mode core.uid core.gid core.size")
        for (path, inode), answer in zip(listed, facts, strict=True):
            fields = fields_of(answer)
            yield path, inode, (int(fields["mode"], 8), int(fields["uid"]), int(fields["gid"]), int(fields["size"]))

    def _pieces(self, paths):
        """The content of files, as (path, bytes of its extents one after the other)."""
        size = int(self.geometry["blocksize"])
        with open(self.copied, "rb") as image:
            extents = self._inodes([self.inodes[path] for path in paths], "bmap")
            for path, answer in zip(paths, extents, strict=True):
                yield path, self._content(image, answer.split("\n"), size)

    def _content(self, image, lines, size):
        position = 0
        for match in filter(None, map(EXTENT.match, lines)):
            at, group, block, count, unwritten = map(int, match.groups())
            yield bytes((at - position) * size)  # a hole
            position = at + count
            start = (group * int(self.geometry["agblocks"]) + block) * size
            yield bytes(count * size) if unwritten else os.pread(image.fileno(), count * size, start)

    def _inodes(self, inodes, command):
        """What a command prints at each inode."""
        if not inodes:
            return []
        # a line that nobody can foresee, and so nobody can have as a file's name
        mark = f"kragle-{os.urandom(16).hex()}"
        script = "".join(f"echo {mark}\ninode {inode}\n{command}\n" for inode in inodes)
        _, text, errors = output(["xfs_db", "-r", self.copied], script)
        answers = re.split(rf"^{mark}\s*\n", text, flags=re.M)[1:]
        if len(answers) != len(inodes):
            raise ReadError(f"xfs_db: {errors.strip()[:200]}")
        return answers

    def _fields(self, commands, pattern):
        _, text, _ = output(["xfs_db", "-r", self.copied], "\n".join(commands) + "\n")
        return dict(re.findall(pattern, text))


def exactly(pieces, size):
    """The first bytes; a file ends within its last block, or in a hole."""
    for piece in pieces:
        yield piece[:size]
        size -= min(size, len(piece))
    while size > 0:
        yield bytes(min(size, 2**20))
        size -= min(size, 2**20)


def entries(folder, listing):
    """(inode, name) of what a folder holds, but for "." and ".."; a name may hold anything but "/" and 0."""
    data = listing.encode("utf-8", "surrogateescape")
    position = 0
    while match := ENTRY.match(data, position):
        name_end = match.end() + int(match[2])
        end = ENTRY_END.match(data, name_end)
        if not end:
            break
        position = end.end()
        name = decode(data[match.end() : name_end])
        if name not in (".", ".."):
            yield int(match[1]), name
    if data[position:].strip():
        words = decode(data[position:]).strip()[:100]
        raise ReadError(f"xfs_db cannot list {folder or '/'}: {words}")


def fields_of(answer):
    return dict(match.groups() for match in map(FIELD.match, answer.split("\n")) if match)


def unescape(text):
    def byte(match):
        return bytes([int(match[1], 8) & 0xFF]) if match[1].isdigit() else ESCAPES.get(match[1], match[1])

    return decode(re.sub(rb"\\([0-7]{1,3}|.)", byte, text.encode("utf-8", "surrogateescape")))
