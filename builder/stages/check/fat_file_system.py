"""FAT, read by mtools."""

import os
import re
import stat

from disk_reading import ReadError, copy_range, output
from file_pieces import pieces_of_copies

# its names are UTF-16, which the locale C cannot tell apart
UTF8 = ["env", "LC_ALL=C.UTF-8"]
# an entry of mdir's table: a name of 8 and 3 characters, the size; a folder's entries for itself and for the one above are none
SIZE = re.compile(r"^(?!\.\.? ).{8} .{3} +(<DIR>|[0-9]+) ", re.MULTILINE)


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
        listed = self._list("-b")
        # the same entries in the same order; names stand there in a form that cannot be told apart from the rest
        sizes = SIZE.findall(self._list().partition("\nTotal files listed:\n")[0])
        names = listed.removesuffix("\n").split("\n") if listed else []
        if len(sizes) != len(names):
            raise ReadError("mdir lists a name that is not understood")
        found = {}
        for name, size in zip(names, sizes, strict=True):
            path = name.removeprefix("::")
            is_folder = path.endswith("/")
            if path == name or not path.startswith("/") or is_folder != (size == "<DIR>"):
                raise ReadError("mdir lists a name that is not understood")
            mode, size = (stat.S_IFDIR | 0o755, 0) if is_folder else (stat.S_IFREG | 0o644, int(size))
            found[path.rstrip("/")] = (mode, 0, 0, size)
        return found

    def _list(self, *options):
        code, text, errors = output([*UTF8, "mdir", *self.drive, "-/", "-a", *options, "::"])
        if code != 0 and errors.strip():
            raise ReadError(f"mdir: {errors.strip()}")
        return text

    def read(self, tree, paths):
        files = [path for path in paths if stat.S_ISREG(tree[path][0])]
        return {path: output([*UTF8, "mtype", *self.drive, f"::{path}"])[1] for path in files}

    def copy(self, _tree, targets):
        for path, target in targets.items():
            output([*UTF8, "mcopy", "-n", *self.drive, f"::{path}", target])

    def pieces(self, tree, paths):
        return pieces_of_copies(self, tree, paths)

    def owner(self, _offset):
        return "the EFI system partition"
