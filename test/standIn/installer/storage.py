"""Disks: what the kickstart's commands for partitions say, done by sfdisk, mkfs and mount."""

import os
import subprocess
from dataclasses import dataclass

from pykickstart.constants import CLEARPART_TYPE_ALL

SYSROOT = "/mnt/sysimage"
GRUB = "/usr/lib/anaconda/grub"
MIB = 1024 * 1024
SECTOR = 512
GPT_TYPES = {"biosboot": "21686148-6449-6E6F-744E-656564454649", "/boot/efi": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"}


class StorageError(Exception):
    """The kickstart asks for what this machine or anaconda 19.31 cannot do."""


@dataclass
class Partition:
    mountpoint: str  # or "swap", "biosboot"
    kind: str
    mebibytes: int
    grow: bool
    label: str
    options: str
    disk: str
    device: str = ""
    start: int = 0  # bytes

    @property
    def uuid(self):
        return output("blkid", "-p", "-o", "value", "-s", "UUID", self.device)


def output(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise StorageError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def is_efi():
    return os.path.isdir("/sys/firmware/efi")


def plan(ks, options):
    """The partitions in the order of the kickstart. Raises StorageError, as blivet's checks do."""
    disks = ks.ignoredisk.onlyuse or sorted(name for name in os.listdir("/sys/block") if name[:2] in ("vd", "sd"))
    for name in [*disks, *ks.clearpart.drives]:
        if not os.path.exists(f"/dev/{name}"):
            raise StorageError(f"Disk \"{name}\" given in a command does not exist.")
    if not disks:
        raise StorageError("No disks selected")
    if ks.clearpart.type != CLEARPART_TYPE_ALL:
        raise StorageError("the stand-in installs on a cleared disk only (clearpart --all)")
    disk = disks[0]
    if ks.autopart.autopart:
        found = [Partition("/boot", "xfs", 500, False, "", "", disk), Partition("/", "xfs", 1024, True, "", "", disk)]
        if is_efi():
            found.insert(0, Partition("/boot/efi", "vfat", 200, False, "", "", disk))
        elif "inst.gpt" in options:
            found.insert(0, Partition("biosboot", "biosboot", 1, False, "", "", disk))
    else:
        found = [partition(given, disk) for given in ks.partition.partitions]
    if not any(each.mountpoint == "/" for each in found):
        raise StorageError("You have not defined a root partition (/), which is required for installation to continue.")
    if is_efi() and not any(each.mountpoint == "/boot/efi" for each in found):
        raise StorageError(
            "No valid bootloader target device found. See below for details. For a UEFI installation, you must include "
            "an EFI System Partition on a GPT-formatted disk, mounted at /boot/efi."
        )
    if "inst.gpt" in options and not is_efi() and not any(each.kind == "biosboot" for each in found):
        raise StorageError(
            "Your BIOS-based system needs a special partition to boot from a GPT disk label. To continue, please create "
            "a 1MiB 'biosboot' type partition."
        )
    return found


def partition(given, disk):
    mountpoint = given.mountpoint
    kind = given.fstype or {"swap": "swap", "/boot/efi": "efi" if is_efi() else "vfat", "biosboot": "biosboot"}.get(mountpoint, "xfs")
    if kind not in ("xfs", "ext4", "ext3", "ext2", "vfat", "efi", "swap", "biosboot"):
        raise StorageError(f'The "{kind}" file system type is not supported.')
    if kind == "efi":
        if not is_efi():
            raise StorageError('The "efi" file system type is not supported.')
        kind = "vfat"
    if given.recommended:
        size = 512
    elif given.size is None and not given.hibernation:
        raise StorageError(f"Partition requires a size specification: {mountpoint}")
    else:
        size = given.size or 512
    if given.disk and given.disk != disk:
        raise StorageError(f'Disk "{given.disk}" given in part command does not exist or is not to be used.')
    return Partition(mountpoint, kind, size, bool(given.grow), given.label or "", given.fsopts or "", disk)


def create(partitions, gpt):
    """Partitions the disk and makes the file systems. The one that grows (at most one) comes last on the disk."""
    disk = partitions[0].disk
    with open(f"/sys/block/{disk}/size", encoding="ascii") as file:
        disk_bytes = int(file.read()) * SECTOR
    growing = [each for each in partitions if each.grow]
    ordered = [each for each in partitions if not each.grow] + growing
    rows, start = [], MIB
    for each in ordered:
        size = each.mebibytes * MIB
        if each.grow:
            size = max(size, disk_bytes - start - MIB)
        if start + size > disk_bytes - MIB:
            raise StorageError("Could not allocate requested partitions: not enough free space on disks")
        kind = GPT_TYPES.get(each.kind) or GPT_TYPES.get(each.mountpoint) or ("S" if each.kind == "swap" else "L")
        if not gpt:
            kind = {"vfat": "ef", "swap": "82"}.get(each.kind, "83")
        active = ", bootable" if not gpt and each.mountpoint in ("/", "/boot") else ""
        rows.append(f"start={start // SECTOR}, size={size // SECTOR}, type={kind}{active}")
        each.start = start
        start += size
    table = f"label: {'gpt' if gpt else 'dos'}\nunit: sectors\n" + "\n".join(rows) + "\n"
    output("wipefs", "--all", f"/dev/{disk}")
    output("sfdisk", "--quiet", f"/dev/{disk}", input=table)
    for number, each in enumerate(ordered, 1):
        each.device = f"/dev/{disk}{number}"
        make_file_system(each)


def make_file_system(each):
    # what the file systems of Enterprise Linux 7 have, and its GRUB can read
    commands = {
        "xfs": ["mkfs.xfs", "-f", "-q", "-m", "crc=0,finobt=0,rmapbt=0,reflink=0", "-i", "sparse=0,nrext64=0", "-n", "ftype=0"],
        "vfat": ["mkfs.vfat", "-F", "16"],
        "swap": ["mkswap"],
        **{name: [f"mkfs.{name}", "-q", "-F", "-O", "^metadata_csum,^64bit,^orphan_file"] for name in ("ext4", "ext3", "ext2")},
    }
    if each.kind not in commands:
        return
    print(f"Creating {each.kind} on {each.device}", flush=True)
    label = {"vfat": "-n"}.get(each.kind, "-L")
    output(*commands[each.kind], *([label, each.label] if each.label else []), each.device)


def mounted(partitions):
    """Those with a mount point, the outer ones first."""
    return sorted((each for each in partitions if each.mountpoint.startswith("/")), key=lambda each: each.mountpoint.rstrip("/").count("/"))


def mount(partitions):
    for each in mounted(partitions):
        target = SYSROOT + each.mountpoint
        os.makedirs(target, exist_ok=True)
        output("mount", each.device, target)


def fstab(partitions):
    lines = ["", "#", "# /etc/fstab", "# Created by anaconda", "#"]
    for each in mounted(partitions):
        standard = "umask=0077,shortname=winnt" if each.kind == "vfat" else "defaults"
        check = 0 if each.kind in ("xfs", "vfat") else 1 if each.mountpoint == "/" else 2
        lines.append(f"UUID={each.uuid} {each.mountpoint} {each.kind} {each.options or standard} 0 {check}")
    lines += [f"UUID={each.uuid} swap swap defaults 0 0" for each in partitions if each.kind == "swap"]
    return "\n".join(lines) + "\n"


def place_boot_loader(partitions, gpt):
    """GRUB for BIOS: boot.img in the MBR, core.img in the BIOS boot partition or behind the MBR (GRUB 2.06, util/setup.c)."""
    if is_efi():
        return
    with open(f"{GRUB}/boot.img", "rb") as file:
        boot = bytearray(file.read())
    with open(f"{GRUB}/core.img", "rb") as file:
        core = bytearray(file.read())
    start = next(each.start for each in partitions if each.kind == "biosboot") if gpt else SECTOR
    boot[0x5C:0x64] = (start // SECTOR).to_bytes(8, "little")
    boot[0x66:0x68] = b"\x90\x90"
    core[SECTOR - 12 : SECTOR - 4] = (start // SECTOR + 1).to_bytes(8, "little")
    with open(f"/dev/{partitions[0].disk}", "r+b") as disk:
        disk.write(boot[:440])
        disk.seek(start)
        disk.write(core)
        disk.flush()
        os.fsync(disk.fileno())
