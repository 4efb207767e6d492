"""The finished image: one file without a backing file, holding only what the guest's file systems use."""

import ctypes
import json
import os
import re
import struct

from disk_reading import output
from stage import Failure, run

PUNCH_HOLE = 0x02 | 0x01  # fallocate(2): FALLOC_FL_PUNCH_HOLE, which needs FALLOC_FL_KEEP_SIZE


def only_file(folder):
    """The one disk that Packer left in its output folder."""
    names = os.listdir(folder)
    if len(names) != 1:
        raise Failure(f"packer left {len(names)} files in its output folder, expected one disk: {sorted(names)}")
    return os.path.join(folder, names[0])


def compact(overlay, image):
    """Writes the overlay and what lies below it into the new qcow2 `image`; the name appears when the file is safe.

    In order (no -W), so that the same content gives the same bytes.
    """
    # A damaged qcow2 would be converted without an error, with zeros in place of what is missing.
    run(["qemu-img", "check", "-q", "-f", "qcow2", overlay])
    raw, unfinished = f"{image}.raw", f"{image}.new"
    try:
        run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", overlay, raw])
        erase_free_blocks(raw)
        run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, unfinished])
    finally:
        if os.path.exists(raw):
            os.remove(raw)
    with open(unfinished, "rb") as file:
        os.fsync(file.fileno())
    os.rename(unfinished, image)


def erase_free_blocks(raw):
    """Makes holes of the blocks that the ext file systems of a raw disk do not use.

    The guest's discards are not enough: what was deleted stays where it lay in a cluster of the qcow2 that is partly in
    use. Of other file systems the guest's own zeros or discards have to do.
    """
    _, text, _ = output(["sfdisk", "--json", raw])
    partitions = json.loads(text)["partitiontable"].get("partitions", []) if text else []
    with open(raw, "r+b") as file:
        for start in [partition["start"] * 512 for partition in partitions] or [0]:
            for offset, size in free_ranges(file, raw, start):
                punch(file, start + offset, size)


def free_ranges(file, raw, start):
    """(offset, bytes) of what a file system of the ext family says is free; nothing where it cannot be trusted."""
    # magic, state and incompatible features of the superblock: https://docs.kernel.org/filesystems/ext4/super.html
    superblock = os.pread(file.fileno(), 1024, start + 1024)
    if len(superblock) < 1024:
        return
    magic, state = struct.unpack_from("<HH", superblock, 0x38)
    (incompatible,) = struct.unpack_from("<I", superblock, 0x60)
    needs_recovery = incompatible & 0x4
    if magic != 0xEF53 or not state & 1 or state & 2 or needs_recovery:
        return
    code, text, _ = output(["dumpe2fs", f"{raw}?offset={start}"])
    if code != 0:
        return
    block = int(re.search(r"^Block size: +(\d+)$", text, re.M)[1])
    for line in re.findall(r"^  Free blocks: (.+)$", text, re.M):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", line):
            blocks = int(last or first) - int(first) + 1
            yield int(first) * block, blocks * block


def punch(file, offset, size):
    libc = ctypes.CDLL(None, use_errno=True)
    length = (ctypes.c_int64(offset), ctypes.c_int64(size))
    if libc.fallocate64(file.fileno(), PUNCH_HOLE, *length) == 0:
        return
    error = ctypes.get_errno()
    raise Failure(f"free blocks cannot be erased at byte {offset}: {os.strerror(error)}")
