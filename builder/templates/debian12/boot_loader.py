"""GRUB for BIOS and UEFI on a disk that nobody has booted or mounted.

`grub-install` wants to see the real disk, so its work is done on the files here: the same images, made by the guest's
own grub-mkimage, at the places and with the block addresses that grub-bios-setup would write (GRUB 2.06,
util/setup.c; the offsets are those of boot.S and diskboot.S). Afterwards the guest's own tools can take over.
"""

import contextlib
import glob
import os
import shutil
import struct

from stage import run

SECTOR = 512
BOOT_CODE_BYTES = 440  # of the MBR; the rest is the partition table
KERNEL_SECTOR_AT = 0x5C  # in boot.img: where core.img starts, 64 bit
DRIVE_CHECK_AT = 0x66  # in boot.img: a jump that floppies need and hard disks must not have
FIRST_BLOCKLIST_AT = SECTOR - 12  # in core.img: start (64 bit), sectors (16 bit), segment (16 bit) of what follows

# Stands in for grub-probe while grub.cfg is made in a chroot that is on no disk yet. No hints, as for virtio disks.
PROBE = """#!/bin/sh
for argument; do
  case "$argument" in --target=*) target=${{argument#*=}} ;; esac
  case "$previous" in -t|--target) target=$argument ;; esac
  previous=$argument
done
case "$target" in
  device) echo /dev/disk/by-uuid/{uuid} ;;
  fs) echo ext2 ;;
  fs_uuid) echo {uuid} ;;
  partuuid) echo {partition_uuid} ;;
  partmap) echo gpt ;;
esac
"""


def install_files(root, number, uuid, partition_uuid):
    """GRUB's files and its configuration in the guest's /boot/grub; root is partition `number` with that UUID."""
    platform = os.path.join(root, "usr/lib/grub/i386-pc")
    folder = os.path.join(root, "boot/grub/i386-pc")
    os.makedirs(folder, exist_ok=True)
    for pattern in ("*.mod", "*.lst", "boot.img"):
        for source in glob.glob(os.path.join(platform, pattern)):
            shutil.copyfile(source, os.path.join(folder, os.path.basename(source)))
    modules = ["biosdisk", "part_gpt", "ext2"]
    prefix = f"(,gpt{number})/boot/grub"  # on the drive that the BIOS booted
    run(
        ["chroot", root, "grub-mkimage", "--format=i386-pc", "--output=/boot/grub/i386-pc/core.img", f"--prefix={prefix}"]
        + modules
    )
    with stand_in_probe(root, uuid, partition_uuid):
        run(["chroot", root, "update-grub"])
    # From here on an upgrade of GRUB's packages in the guest installs the new boot loader by itself.
    open(os.path.join(root, "etc/grub.d/enable_cloud"), "w").close()


@contextlib.contextmanager
def stand_in_probe(root, uuid, partition_uuid):
    probe = os.path.join(root, "usr/sbin/grub-probe")
    links = os.path.join(root, "dev/disk/by-uuid")
    os.makedirs(links)
    open(os.path.join(links, uuid), "w").close()  # without it the root would be named by its device
    os.rename(probe, probe + ".real")
    try:
        with open(probe, "w", encoding="ascii") as file:
            file.write(PROBE.format(uuid=uuid, partition_uuid=partition_uuid))
        os.chmod(probe, 0o755)
        yield
    finally:
        os.rename(probe + ".real", probe)
        shutil.rmtree(os.path.join(root, "dev/disk"))


def place_for_bios(root, disk, bios_partition_start):
    """Writes boot.img into the disk's MBR and core.img into the BIOS boot partition that starts at that byte."""
    folder = os.path.join(root, "boot/grub/i386-pc")
    with open(os.path.join(folder, "boot.img"), "rb") as file:
        boot = bytearray(file.read())
    with open(os.path.join(folder, "core.img"), "rb") as file:
        core = bytearray(file.read())
    first = bios_partition_start // SECTOR
    struct.pack_into("<Q", boot, KERNEL_SECTOR_AT, first)
    boot[DRIVE_CHECK_AT : DRIVE_CHECK_AT + 2] = b"\x90\x90"
    struct.pack_into("<Q", core, FIRST_BLOCKLIST_AT, first + 1)
    with open(disk, "r+b") as file:
        file.write(boot[:BOOT_CODE_BYTES])
        file.seek(bios_partition_start)
        file.write(core)


def efi_files(root, uuid):
    """What the EFI system partition holds: path → bytes. Signed for Secure Boot by the distribution: shim, then GRUB."""
    signed = {
        "EFI/BOOT/BOOTX64.EFI": "usr/lib/shim/shimx64.efi.signed",
        "EFI/BOOT/mmx64.efi": "usr/lib/shim/mmx64.efi.signed",
        "EFI/BOOT/grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    }
    files = {}
    for path, source in signed.items():
        with open(os.path.join(root, source), "rb") as file:
            files[path] = file.read()
    # The signed GRUB looks for its configuration here, whatever path it was started from.
    configuration = f"search.fs_uuid {uuid} root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
    files["EFI/debian/grub.cfg"] = configuration.encode()
    return files
