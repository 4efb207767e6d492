"""The ext family, read by debugfs."""

import os
import re
import stat

from disk_reading import CONTENT_LIMIT, ReadError, decode, output


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
            for (folder, _), answer in zip(level, answers, strict=True):
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
        self.copy(tree, dict(zip(files, names, strict=True)))
        contents = {}
        for path, name in zip(files, names, strict=True):
            with open(name, "rb") as file:
                contents[path] = decode(file.read())
            os.unlink(name)
        targets = self._debugfs(f"stat <{self.inodes[path]}>" for path in links)
        for path, answer in zip(links, targets, strict=True):
            target = re.search(r'^Fast link dest: "(.*)"$', "\n".join(answer), re.M)
            contents[path] = target.group(1) if target else ""
        return contents

    def copy(self, _tree, targets):
        """Writes files of any size to {path: target}."""
        self._debugfs(f"dump <{self.inodes[path]}> {target}" for path, target in targets.items())

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
