"""FAT, read by mtools."""

import os
import stat

from disk_reading import ReadError, copy_range, output
from file_pieces import pieces_of_copies

# its names are UTF-16, which the locale C cannot tell apart
UTF8 = ["env", "LC_ALL=C.UTF-8"]


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
        code, text, errors = output([*UTF8, "mdir", *self.drive, "-/", "-a", "-b", "::"])
        if code != 0 and errors.strip():
            raise ReadError(f"mdir: {errors.strip()}")
        found = {}
        for name in text.removesuffix("\n").split("\n") if text else ():
            path = name.removeprefix("::")
            if path == name or not path.startswith("/"):
                raise ReadError("mdir lists a name that is not understood")
            mode = stat.S_IFDIR | 0o755 if path.endswith("/") else stat.S_IFREG | 0o644
            found[path.rstrip("/")] = (mode, 0, 0, 0)
        return found

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
