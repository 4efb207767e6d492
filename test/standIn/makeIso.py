#!/usr/bin/env python3
"""Makes the stand-in's installer ISO; see standInIso.ts. Runs as root in the tools image, with Docker's default capabilities.

Settings (JSON, path in argv[1]): apt {"sources", "conf"}, pykickstart (path of its source archive), output (path).
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.realpath(__file__))
LABEL = "RHEL-7.1 Server.x86_64"
CODENAME = "bookworm"
PACKAGES = (
    # the small system to install
    *("linux-image-cloud-amd64", "initramfs-tools", "zstd", "systemd-sysv", "udev", "openssh-server", "sudo"),
    *("kmod", "dbus", "gdisk", "procps", "iproute2", "isc-dhcp-client", "grub-common", "grub-pc-bin", "grub-efi-amd64-bin", "tzdata"),
    # what only the installer needs
    *("python3", "e2fsprogs", "xfsprogs", "dosfstools", "fdisk"),
)
# The only modules of the kernel that installer and installed system keep.
MODULES = (
    *("virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net", "sd_mod", "ata_piix", "ahci", "sr_mod", "e1000"),
    *("ext4", "xfs", "isofs", "vfat", "nls_cp437", "nls_iso8859_1", "nls_ascii", "nls_utf8", "crc32c_generic"),
    *("autofs4", "binfmt_misc", "button", "evdev", "efivarfs", "efi_pstore", "configfs", "fuse", "loop", "virtio_rng", "virtio_console"),
)
GRUB_MODULES = (
    *("memdisk", "tar", "part_gpt", "part_msdos", "ext2", "xfs", "fat", "normal", "configfile"),
    *("search", "search_fs_file", "search_fs_uuid"),
    *("linux", "echo", "test", "serial", "terminal", "all_video", "gzio", "sleep", "halt", "reboot"),
)
# Where the installed grub.cfg is: on the root file system, or on one of its own for /boot.
GRUB_START = """if search --file /boot/grub2/grub.cfg --set root; then set prefix=($root)/boot/grub2
else search --file /grub2/grub.cfg --set root; set prefix=($root)/grub2; fi
configfile $prefix/grub.cfg
"""
# For EFI, Red Hat's GRUB reads the configuration beside it.
EFI_START = """search --file /EFI/redhat/grub.cfg --set root
set prefix=($root)/EFI/redhat
configfile $prefix/grub.cfg
"""
NOT_IN_INSTALLER = (
    *("boot", "usr/share", "usr/include", "var", "usr/lib/grub", "usr/lib/systemd", "usr/lib/firmware", "usr/lib/udev"),
    *("usr/lib/apt", "usr/lib/dpkg", "usr/lib/initramfs-tools", "usr/lib/openssh", "usr/lib/klibc", "usr/bin/perl*"),
    *(f"usr/lib/x86_64-linux-gnu/{name}" for name in ("perl-base", "gconv", "systemd", "libicu*", "libstdc++*")),
    *(f"usr/lib/x86_64-linux-gnu/{name}" for name in ("libapt*", "libsqlite3*", "libgnutls*", "libp11*", "libdb-*")),
    *(f"usr/bin/{name}" for name in ("apt*", "dpkg*", "ssh*", "sftp", "scp", "systemd*", "systemctl", "journalctl")),
    *(f"usr/bin/{name}" for name in ("udevadm", "loginctl", "localectl", "timedatectl", "grub*", "openssl")),
    *(f"usr/sbin/{name}" for name in ("dhclient", "sshd", "xfs_*", "grub*", "sgdisk", "gdisk", "tc")),
)
NOT_INSTALLED = (
    *("usr/bin/python*", "usr/lib/python3*", "usr/share/python*", "usr/share/doc", "usr/share/man", "usr/share/locale"),
    *("usr/bin/apt*", "usr/bin/dpkg*", "usr/lib/apt", "usr/lib/dpkg", "etc/apt", "etc/dpkg", "var/lib/apt"),
    *("var/lib/dpkg", "var/cache/*", "var/log/*", "etc/debian_version", "etc/ssh/ssh_host_*", "usr/share/perl*"),
    *("usr/lib/udev/hwdb.*", "usr/lib/anaconda", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/grub", "usr/lib/python*"),
    *("etc/network", "var/lib/dhcp"),
)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    work = "/scratch"
    root, iso = f"{work}/root", f"{work}/iso"
    os.makedirs(f"{iso}/isolinux")
    bootstrap(root, work, settings["apt"])
    kernel = os.path.basename(glob.glob(f"{root}/boot/vmlinuz-*")[0]).removeprefix("vmlinuz-")
    keep_modules(root, kernel)
    boot_loaders(root)
    shutil.copyfile(f"{root}/boot/vmlinuz-{kernel}", f"{iso}/isolinux/vmlinuz")
    installer(root, kernel, settings["pykickstart"], f"{iso}/isolinux/initrd.img")
    installed_system(root, kernel, f"{iso}/LiveOS")
    medium(root, iso)
    volume(iso, settings["output"])


def say(text):
    print(f"stand-in: {text}", flush=True)


def run(command, **options):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **options)


def bootstrap(root, work, apt):
    say("bootstrapping")
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory", "--skip=chroot/mount"]
    command += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"']
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man", "lintian")]
    command.append("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
    write(f"{work}/apt.conf", apt["conf"])
    write(f"{work}/sources.list", apt["sources"])
    if apt["conf"]:
        command.append(f"--aptopt={work}/apt.conf")
    if apt["sources"]:
        command.append(f'--setup-hook=cp {work}/sources.list "$1"/etc/apt/sources.list')
    options = "MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\nFSTYPE=ext4\n"
    write(f"{work}/initramfs/conf.d/stand-in", options)
    write(f"{work}/initramfs/modules", "\n".join(MODULES) + "\n")
    command.append('--essential-hook=mkdir -p "$1"/etc/initramfs-tools')
    command.append(f'--essential-hook=cp -r {work}/initramfs/. "$1"/etc/initramfs-tools')
    command += [f"--include={','.join(PACKAGES)}", CODENAME, root]
    run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def boot_loaders(root):
    """GRUB for the installer to place: one image with all it needs for each firmware, with no path of a disk in it."""
    say("making boot loaders")
    folder = f"{root}/usr/lib/anaconda/grub"
    os.makedirs(folder)
    shutil.copyfile(f"{root}/usr/lib/grub/i386-pc/boot.img", f"{folder}/boot.img")
    images = (
        ("i386-pc", GRUB_START, "core.img", ("biosdisk", "linux16")),
        ("x86_64-efi", EFI_START, "grubx64.efi", ("efi_gop", "linuxefi")),
    )
    for platform, start, name, more in images:
        write(f"{folder}/grub.cfg", start)
        run(["tar", "-C", folder, "-cf", f"{folder}/start.tar", "grub.cfg"])
        run(
            ["chroot", root, "grub-mkimage", f"--format={platform}", f"--output=/usr/lib/anaconda/grub/{name}"]
            + ["--memdisk=/usr/lib/anaconda/grub/start.tar", "--prefix=(memdisk)/", *GRUB_MODULES, *more]
        )


def installer(root, kernel, pykickstart, initrd):
    """The initrd: the whole small system with Python, and the program that behaves like anaconda as its init."""
    say("packing the installer")
    shutil.copytree(f"{HERE}/installer", f"{root}/usr/lib/anaconda", dirs_exist_ok=True)
    with tarfile.open(pykickstart) as archive:
        for member in archive.getmembers():
            parts = member.name.split("/", 1)
            if len(parts) == 2 and parts[1].startswith("pykickstart/") and member.isfile():
                member.name = parts[1]
                archive.extract(member, f"{root}/usr/lib/anaconda")
    folder = f"{root}/usr/lib/anaconda/requests"  # pykickstart wants it for kickstarts by HTTP, which the stand-in has not
    write(f"{folder}/__init__.py", "")
    write(f"{folder}/exceptions.py", "class RequestException(OSError):\n    pass\n\n\nclass SSLError(RequestException):\n    pass\n")
    os.symlink("usr/lib/anaconda/init.py", f"{root}/init")
    os.chmod(f"{root}/usr/lib/anaconda/init.py", 0o755)
    # not compressed: without KVM, taking it apart would be the longest part of the installation
    pruned = " -o ".join(f"-path './{path}'" for path in (*NOT_IN_INSTALLER, "stand-in.img"))
    pack = f"cd / && find . -xdev \\( {pruned} \\) -prune -o -print | cpio --quiet -o -H newc >/stand-in.img"
    run(["chroot", root, "sh", "-c", pack])
    shutil.move(f"{root}/stand-in.img", initrd)
    os.rename(f"{root}/usr/lib/anaconda/grub/grubx64.efi", f"{root}/grubx64.efi")
    os.remove(f"{root}/init")
    shutil.rmtree(f"{root}/usr/lib/anaconda")


def keep_modules(root, kernel):
    """Of the kernel's modules only those in MODULES, and what they need."""
    folder = f"{root}/usr/lib/modules/{kernel}"
    wanted = ["chroot", root, "modprobe", "--set-version", kernel, "--show-depends", "--all", *MODULES]
    shown = subprocess.run(wanted, capture_output=True, text=True, check=False).stdout.splitlines()
    kept = {line.split()[1].split(f"/{kernel}/", 1)[1] for line in shown if line.startswith("insmod")}
    for parent, _folders, files in os.walk(f"{folder}/kernel"):
        for name in files:
            if os.path.relpath(f"{parent}/{name}", folder) not in kept:
                os.remove(f"{parent}/{name}")
    run(["chroot", root, "depmod", kernel])


def installed_system(root, kernel, folder):
    """The tree that the installer copies: the same system without what Enterprise Linux 7 has not, and with what it has."""
    say("packing the system to install")
    for pattern in NOT_INSTALLED:
        for path in glob.glob(f"{root}/{pattern}"):
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
    os.makedirs(f"{root}/var/cache/yum")
    os.rename(f"{root}/boot/initrd.img-{kernel}", f"{root}/boot/initramfs-{kernel}.img")
    for path in glob.glob(f"{root}/*.old") + [f"{root}/vmlinuz", f"{root}/initrd.img", f"{root}/etc/os-release"]:
        if os.path.lexists(path):
            os.remove(path)
    os.makedirs(f"{root}/usr/share/stand-in")
    os.rename(f"{root}/grubx64.efi", f"{root}/usr/share/stand-in/grubx64.efi")
    real = f"{root}/usr/libexec/stand-in"
    os.makedirs(real)
    os.rename(f"{root}/usr/bin/systemctl", f"{real}/systemctl")
    for name in ("halt", "poweroff", "reboot", "shutdown", "runlevel", "telinit"):
        path = f"{root}/usr/sbin/{name}"
        if os.path.lexists(path):
            os.remove(path)
        os.symlink("/usr/libexec/stand-in/systemctl", path)
    os.remove(f"{root}/usr/bin/sh")
    os.symlink("bash", f"{root}/usr/bin/sh")
    run(["cp", "-a", "--no-preserve=ownership", f"{HERE}/system/.", root])
    for folder_name in ("usr/bin", "usr/sbin", "usr/libexec/stand-in"):
        for path in glob.glob(f"{HERE}/system/{folder_name}/*"):
            os.chmod(f"{root}/{folder_name}/{os.path.basename(path)}", 0o755)
    run(["chroot", root, "sh", "/usr/libexec/stand-in/finish"])
    os.remove(f"{real}/finish")
    os.makedirs(folder)
    # named as on the DVD, so that whoever looks for the installer's second stage finds it
    run(["tar", "-C", root, "--numeric-owner", "--xattrs", "-I", "zstd -T0 -3", "-cf", f"{folder}/squashfs.img"]
        + ["--exclude=./dev/*", "."])


def medium(root, iso):
    """The files by which the DVD is known, and the list of its packages."""
    pxe = f"{iso}/images/pxeboot"
    os.makedirs(pxe)
    for name in ("vmlinuz", "initrd.img"):
        os.link(f"{iso}/isolinux/{name}", f"{pxe}/{name}")
    write(f"{iso}/.discinfo", "1424360759.772760\nRed Hat Enterprise Linux 7.1\nx86_64\n")
    write(
        f"{iso}/.treeinfo",
        "[general]\nname = Red Hat Enterprise Linux-7.1\nfamily = Red Hat Enterprise Linux\ntimestamp = 1424360759.77\n"
        "variant = Server\nversion = 7.1\npackagedir = \narch = x86_64\n\n[stage2]\nmainimage = LiveOS/squashfs.img\n\n"
        "[images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n",
    )
    medium = "[InstallMedia]\nname=Red Hat Enterprise Linux 7.1\nmediaid=1424360759.772760\n"
    write(f"{iso}/media.repo", f"{medium}metadata_expire=-1\ngpgcheck=0\ncost=500\n")
    write(f"{iso}/repodata/repomd.xml", '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"/>\n')
    shutil.copyfile(f"{HERE}/dvdPackages.txt", f"{iso}/Packages.txt")


def volume(iso, output):
    say("making the ISO")
    command = ["xorriso", "-as", "mkisofs", "-quiet", "-V", LABEL, "-R", "-J", "-joliet-long", "-o", output + ".new", iso]
    run(command)
    os.rename(output + ".new", output)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
