"""What a disk's own headers say before any program of QEMU's opens it: that it is of the format that was said, and a disk by itself.

A header can name another file, below it or in its place, and QEMU would open that: any file that the container sees, a pipe for ever.
Formats: QEMU's docs/interop/qcow2.rst; VMware's "Virtual Disk Format 5.0"; Microsoft's "Virtual Hard Disk Image Format Specification"
and MS-VHDX; ECMA-119 for what is an ISO.
"""

import os
import struct

from stage import Failure

# What files of a format begin with; a fixed vhd has its mark at the end only.
MARKS = {b"QFI\xfb": "qcow2", b"KDMV": "vmdk", b"COWD": "vmdk", b"vhdxfile": "vhdx", b"conectix": "vpc"}
# What people give by mistake, which all are "raw" to QEMU.
OTHERS = {
    b"\xfd7zXZ\0": "compressed by xz",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"PK\x03\x04": "a ZIP archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"<<< ": "a disk of VirtualBox (VDI)",
    b"# Disk DescriptorFile": "the description of a VMDK, whose data is in other files; the disk has to be one file",
}
ISO_AT, ISO_MARK = 32769, b"CD001"
SECTOR = 512
SPARSE_VHD, FIXED_VHD, DIFFERENCING_VHD = 3, 2, 4
EXTERNAL_DATA = 4  # qcow2's incompatible feature, bit 2


def check(path, format):
    """Raises Failure where the file is not what it is said to be, names another file, or is not whole."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        beginning = file.read(2**16)
        file.seek(max(0, size - SECTOR))
        end = file.read(SECTOR)
    if size == 0:
        raise Failure("the file is empty")
    found = next((name for mark, name in MARKS.items() if beginning.startswith(mark)), None)
    other = next((words for mark, words in OTHERS.items() if beginning.startswith(mark)), None)
    if found is None and end.startswith(b"conectix"):
        found = "vpc"
    if other:
        raise Failure(f"the file is {other}, and not {format}")
    if (found or "raw") != format:
        # of a vpc whose end is cut off, only a dynamic one can be told
        raise Failure(f"the file is {found or 'none of the formats that have a mark, so perhaps raw'}, and not {format}")
    CHECKS[format](beginning, end, size)


def check_qcow2(header, _end, _size):
    if len(header) < 72:
        raise Failure("the qcow2 is not whole: its header is cut off")
    version, name_at, name_size, _, _, encryption = struct.unpack_from(">IQIIQI", header, 4)
    features = struct.unpack_from(">Q", header, 72)[0] if version >= 3 and len(header) >= 80 else 0
    if name_at:
        name = header[name_at : name_at + name_size].decode("utf-8", "replace")
        raise Failure(f"the qcow2 has the backing file {name!r}; it has to be a disk by itself: qemu-img convert writes one")
    if features & EXTERNAL_DATA:
        raise Failure("the qcow2 has its data in another file; it has to be a disk by itself: qemu-img convert writes one")
    if encryption:
        raise Failure("the qcow2 is encrypted, and nobody is asked for its password; give a disk that is not")


def check_vmdk(header, _end, _size):
    if header.startswith(b"COWD"):
        raise Failure("the VMDK is of VMware ESX 3's kind, whose description is in another file; qemu-img convert writes one by itself")
    capacity = struct.unpack_from("<Q", header, 12)[0] if len(header) >= SECTOR else 0
    if capacity == 0:
        # then its description counts, which names the files that have the data
        raise Failure("the VMDK has no data of its own; the disk has to be one file, streamOptimized or monolithicSparse")
    at, sectors = struct.unpack_from("<QQ", header, 28)
    description = header[at * SECTOR : (at + sectors) * SECTOR]
    for line in description.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "parentCID" and value.strip().lower() != "ffffffff":
            raise Failure("the VMDK lies on another disk, its parent; it has to be a disk by itself")


def check_vpc(_beginning, footer, _size):
    if not footer.startswith(b"conectix"):
        raise Failure("the VHD is not whole: its last sector is not the footer that a VHD ends with")
    kind = struct.unpack_from(">I", footer, 60)[0]
    if kind == DIFFERENCING_VHD:
        raise Failure("the VHD lies on another disk, its parent; it has to be a disk by itself")
    if kind not in (SPARSE_VHD, FIXED_VHD):
        raise Failure(f"the VHD is of kind {kind}, which is neither fixed nor dynamic")


def check_raw(beginning, _end, size):
    if beginning[ISO_AT : ISO_AT + len(ISO_MARK)] == ISO_MARK:
        raise Failure("the file is an ISO, from which a system is installed, and not the disk of an installed one")
    if size % SECTOR:
        raise Failure(f"the raw disk has {size} bytes, which are no whole sectors of {SECTOR}: it may be a download that was cut short")


def check_vhdx(_beginning, _end, _size):
    """QEMU refuses a VHDX with a parent by itself, without opening that."""


CHECKS = {"qcow2": check_qcow2, "vmdk": check_vmdk, "vpc": check_vpc, "vhdx": check_vhdx, "raw": check_raw}
