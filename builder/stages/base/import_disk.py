#!/usr/bin/env python3
"""Stage "base" of a disk that somebody else made: decompressed, judged, and written as a qcow2 of the wanted size.

Nothing is believed of it: no program finds out by itself what it is, none opens a file that it names, and what it decompresses to has
an end. Runs as any user, without capabilities and network, on a read-only root. Mounts: /source/disk, read-only, whose SHA-256 is
verified; /result.

Settings (all required):
    format        as qemu-img calls it: "qcow2", "raw", "vmdk", "vpc", "vhdx"
    compression   "xz", "gz", "zst", "bz2" or null: of the file as a whole
    architecture  of the image: "amd64"
    diskBytes     size of the disk that is made, at least that of the source
Results: /result/disk.qcow2, /result/base.json.
"""

import json
import os
import shutil

import disk_headers
import disk_system
import stage
from decompress import decompress
from disk_reading import output

SOURCE, WORK = "/source/disk", os.environ.get("KRAGLE_WORK", "/result")
SCRATCH = os.path.join(WORK, ".tmp")
DISK = os.path.join(WORK, "disk.qcow2")
# What a format's own tables add to the data at most, beside a fixed part: clusters of 512 bytes are the worst case of a qcow2.
TABLES, FIXED = 1 / 8, 64 * 2**20
LEAKS, NO_CHECK = 3, 63  # qemu-img check: room that nobody uses; a format that has nothing to check


def import_disk(settings):
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    format, disk_bytes = settings["format"], settings["diskBytes"]
    source = plain_file(settings)
    stage.phase("look at the disk")
    disk_headers.check(source, format)
    size = virtual_size(source, format)
    if size > disk_bytes:
        sizes = f"the disk has {size} bytes ({gibibytes(size)}), and the setting diskSize is {gibibytes(disk_bytes)}"
        raise stage.Failure(f"{sizes}; it has to be at least as large")
    check_data(source, format)

    stage.phase("convert the disk")
    raw = source
    if format != "raw":
        raw = os.path.join(SCRATCH, "disk.raw")
        stage.run(["qemu-img", "convert", "--force-share", "-f", format, "-O", "raw", source, raw], quiet=True)
    disk_system.check(raw, settings["architecture"])
    stage.run(["qemu-img", "convert", "--force-share", "-f", "raw", "-O", "qcow2", raw, DISK], quiet=True)
    stage.run(["qemu-img", "resize", "-q", "-f", "qcow2", DISK, str(disk_bytes)], quiet=True)
    stage.write_json(os.path.join(WORK, "base.json"), {"sourceBytes": size, "qemu": stage.tool_versions()["qemu"]})
    shutil.rmtree(SCRATCH)


def plain_file(settings):
    """The file in the disk's own format."""
    if settings["compression"] is None:
        return SOURCE
    stage.phase("decompress the disk")
    target = os.path.join(SCRATCH, "source")
    tables = 0 if settings["format"] == "raw" else settings["diskBytes"] * TABLES + FIXED
    decompress(SOURCE, target, settings["compression"], int(settings["diskBytes"] + tables))
    return target


def virtual_size(source, format):
    """The size of the disk in bytes, by QEMU, which is told what it is."""
    text = stage.run(["qemu-img", "info", "--force-share", "--output=json", "-f", format, source], quiet=True)
    facts = json.loads(text)
    details = facts.get("format-specific", {}).get("data", {})
    others = [facts.get("backing-filename"), details.get("data-file")]
    if any(others) or facts.get("encrypted") or details.get("encrypted"):
        named = ", ".join(repr(name) for name in others if name) or "a password"
        raise stage.Failure(f"the disk needs more than itself: {named}")
    return facts["virtual-size"]


def check_data(source, format):
    """qemu-img convert takes what a truncated file lacks for zeros."""
    code, text, errors = output(["qemu-img", "check", "--force-share", "-f", format, source])
    if code not in (0, LEAKS, NO_CHECK):
        lines = [line for line in (errors + text).splitlines() if line.strip()][: stage.TAIL]
        raise stage.Failure("the disk is damaged, or not whole:" + "".join(f"\n  {stage.plain(line)}" for line in lines))


def gibibytes(size):
    return f"{size / 2**30:.2f} GiB"


if __name__ == "__main__":
    stage.main(import_disk)
