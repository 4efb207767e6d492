"""What the system on a disk is, as far as its partition table and its boot loaders tell without a mount."""

import json
import os
import re
import struct

from disk_reading import output
from stage import Failure

SECTOR = 512
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
# Types of a root or /usr partition that say for which processor it is: the Discoverable Partitions Specification.
ROOTS = {
    "B921B045-1DF0-41C3-AF44-4C6F280D3FAE": "arm64",
    "B0E01050-EE5F-4390-949A-9101B17104E9": "arm64",
    "69DAD710-2CE4-4E3C-B16C-21A1D49ABED3": "arm",
    "72EC70A6-CF74-40E6-BD49-4BDA08E8F224": "riscv64",
    "08A7ACEA-624C-4A20-91E8-6E0FA67D23F9": "s390x",
    "C31C45E6-3F39-412E-80FB-4809C4980599": "ppc64le",
    "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709": "amd64",
}
# Where firmware looks for a boot loader, by its processor: UEFI specification, 3.5.1.1.
LOADERS = {"BOOTX64.EFI": "amd64", "BOOTAA64.EFI": "arm64", "BOOTARM.EFI": "arm", "BOOTRISCV64.EFI": "riscv64"}


def check(raw, architecture):
    """Raises Failure where the raw disk cannot be booted, has lost its end, or is for another processor."""
    size = os.path.getsize(raw)
    check_beginning(raw, size)
    code, text, errors = output(["sfdisk", "--json", raw])
    try:
        table = json.loads(text)["partitiontable"]
    except (ValueError, KeyError):
        words = errors.strip().splitlines()[-1:] or [f"exit code {code}"]
        raise Failure(f"the disk has no partition table that can be read ({words[0]}); is it the disk of an installed system?") from None
    sector = table.get("sectorsize", SECTOR)
    parts = [{**part, "end": (part["start"] + part["size"]) * sector} for part in table.get("partitions", [])]
    for part in parts:
        if part["end"] > size:
            number = re.search(r"\d+$", part["node"]).group()
            raise Failure(f"the disk is not whole: it has {size} bytes, and partition {number} ends at byte {part['end']}")
    known = {ROOTS[part["type"].upper()] for part in parts if part["type"].upper() in ROOTS}
    known |= {name for part in parts if part["type"].upper() == ESP for name in loaders(raw, part["start"] * sector)}
    if known and architecture not in known:
        raise Failure(f"the disk is for another processor: {', '.join(sorted(known))}, and the image is to be for {architecture}")


def check_beginning(raw, size):
    with open(raw, "rb") as file:
        beginning = file.read(2 * SECTOR)
    if beginning[510:512] != b"\x55\xaa":
        raise Failure("the disk has no partition table: it is not the disk of an installed system, or is of another format than was said")
    if beginning[SECTOR : SECTOR + 8] == b"EFI PART":
        last = struct.unpack_from("<Q", beginning, SECTOR + 32)[0]  # where the second copy of the table is, at the disk's end
        if (last + 1) * SECTOR > size:
            raise Failure(f"the disk is not whole: it has {size} bytes, and by its partition table at least {(last + 1) * SECTOR}")


def loaders(raw, start):
    """The processors whose boot loaders are in the EFI system partition that begins at that byte."""
    _, listed, _ = output(["mdir", "-i", f"{raw}@@{start}", "-b", "::/EFI/BOOT"])
    names = {line.rsplit("/", 1)[-1].upper() for line in listed.splitlines()}
    return {processor for name, processor in LOADERS.items() if name in names}
