"""A bootable GPT disk in a file, made without loop devices, mounts or privileges.

    1  BIOS boot    1 MiB
    2  ESP (FAT)   64 MiB
    3  root (ext4) the rest: last, so that it can grow
"""

import hashlib
import os
import re
import subprocess
import tempfile
import uuid

from stage import Failure, run

MIB = 1024 * 1024
BIOS_START, ESP_START, ROOT_START = 1 * MIB, 2 * MIB, 66 * MIB
BACKUP_TABLE_BYTES = 1 * MIB  # the GPT's second copy at the end, rounded up to the alignment
ROOT_NUMBER = 3

# https://uapi-group.org/specifications/specs/discoverable_partitions_specification/
BIOS_BOOT_TYPE = "21686148-6449-6E6F-744E-656564454649"
ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
ROOT_X86_64_TYPE = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"


def identifiers(seed):
    """The disk's UUIDs, derived from the seed (hexadecimal), so that equal inputs give equal disks."""

    def derive(name):
        digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    names = ("disk", "bios-partition", "esp-partition", "root-partition", "root", "hash-seed")
    esp = hashlib.sha256(f"{seed}:esp".encode()).hexdigest()[:8].upper()
    return {**{name: derive(name) for name in names}, "esp": f"{esp[:4]}-{esp[4:]}"}


def partition_table(ids, disk_bytes):
    """Input for sfdisk(8)."""
    root_bytes = disk_bytes - BACKUP_TABLE_BYTES - ROOT_START
    rows = (
        (BIOS_START, ESP_START - BIOS_START, BIOS_BOOT_TYPE, ids["bios-partition"], "bios"),
        (ESP_START, ROOT_START - ESP_START, ESP_TYPE, ids["esp-partition"], "esp"),
        (ROOT_START, root_bytes, ROOT_X86_64_TYPE, ids["root-partition"], "root"),
    )
    lines = [f"label: gpt\nlabel-id: {ids['disk']}\nunit: sectors"]
    for start, size, kind, identifier, name in rows:
        lines.append(f'start={start // 512}, size={size // 512}, type={kind}, uuid={identifier}, name="{name}"')
    return "\n".join(lines) + "\n"


def create(path, disk_bytes, ids):
    """An empty disk of that size with its partition table; the file is sparse."""
    with open(path, "wb") as file:
        file.truncate(disk_bytes)
    command = ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", path]
    done = subprocess.run(command, input=partition_table(ids, disk_bytes), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure(f"sfdisk could not partition {path} ({disk_bytes} bytes): {done.stderr.strip()}")


def write_esp(path, ids, files, epoch):
    """Makes the FAT file system of the ESP with the given files (path → bytes)."""
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "MTOOLS_SKIP_CHECK": "1"}
    kibibytes = (ROOT_START - ESP_START) // 1024
    volume = ids["esp"].replace("-", "")
    run(
        ["mkfs.vfat", "-F", "32", "-s", "1", "-i", volume]  # a label would carry the time of day
        + [f"--offset={ESP_START // 512}", path, str(kibibytes)],
        env=environment,
        quiet=True,
    )
    image = f"{path}@@{ESP_START}"
    folders = sorted({parent for name in files for parent in parents(name)})
    run(["mmd", "-i", image] + [f"::/{folder}" for folder in folders], env=environment)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as scratch:
        for number, (name, content) in enumerate(sorted(files.items())):
            source = os.path.join(scratch, str(number))
            with open(source, "wb") as file:
                file.write(content)
            os.utime(source, (epoch, epoch))
            run(["mcopy", "-m", "-i", image, source, f"::/{name}"], env=environment)


def parents(name):
    parts = name.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def write_root(path, disk_bytes, ids, folder, epoch):
    """Makes the ext4 file system of the root partition from a folder, owners and attributes included."""
    kibibytes = (disk_bytes - BACKUP_TABLE_BYTES - ROOT_START) // 1024
    # GRUB 2.06 cannot read metadata_csum_seed. The tables are written now (as holes), not by the guest at first boot.
    extended = f"offset={ROOT_START},hash_seed={ids['hash-seed']},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"
    run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "1", "-L", "root", "-U", ids["root"]]
        + ["-O", "^metadata_csum_seed,^orphan_file", "-E", extended, "-d", folder, path, f"{kibibytes}k"],
        env={"SOURCE_DATE_EPOCH": str(epoch), "E2FSPROGS_FAKE_TIME": str(epoch)},
    )
    fix_times(path, epoch)


def fix_times(path, epoch):
    """Sets the times that nobody can set on the folder's files: changed and accessed. With them, bytes are repeatable."""
    image = f"{path}?offset={ROOT_START}"
    counts = dict(re.findall(r"^(Inode count|Free inodes):\s*(\d+)", run(["dumpe2fs", "-h", image], quiet=True), re.MULTILINE))
    used = int(counts["Inode count"]) - int(counts["Free inodes"])  # mke2fs takes them from the first on
    commands = path + ".debugfs"
    with open(commands, "w", encoding="ascii") as file:
        for inode in range(1, used + 1):
            file.write(f"sif <{inode}> ctime @{epoch}\nsif <{inode}> atime @{epoch}\n")
    run(["debugfs", "-w", "-f", commands, image], env={"E2FSPROGS_FAKE_TIME": str(epoch)}, quiet=True)
    os.remove(commands)
