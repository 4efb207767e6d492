"""Reads the file systems of a raw disk image without mounting them, as any user: ext2/3/4 by debugfs, XFS by xfs_db,
FAT by mtools.

A reader has `problems()`, `tree()`, `read(tree, paths)`, `copy(tree, {path: target})`, `pieces(tree, paths)` and
`owner(offset)`; paths begin with "/". What no reader understands is for the caller to report as not checked.
"""

from ext_file_system import Ext
from fat_file_system import Fat
from xfs_file_system import Xfs

READERS = {"ext2": Ext, "ext3": Ext, "ext4": Ext, "xfs": Xfs, "vfat": Fat}


def open_reader(kind, image, partition, scratch):
    """The reader for blkid's name of a file system on {"startBytes", "sizeBytes"} of the image, or None."""
    return READERS[kind](image, partition, scratch) if kind in READERS else None
