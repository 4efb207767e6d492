#!/usr/bin/env python3
"""Stage "base" of a Debian template: an installed disk, bootstrapped straight into a disk image.

Which packages it takes stands in template.json beside it.

Runs as root in the builder container with Docker's default capabilities; no loop devices, mounts or privileges.

Settings (all required):
    diskBytes        size of the disk
    kernel           "cloud" or "generic"
    suite            the release's code name, such as "trixie"
    snapshot         "YYYY-MM-DD" or null: the archive's state to install from
    apt              {"sources", "conf"}: the host's, used during the build only; both may be empty. Sources are lines
                     of a sources.list for this release, conf is text for apt.conf
    seed             hexadecimal; the disk's UUIDs are derived from it
    sourceDateEpoch  seconds; no file of the image is newer
    owner            [uid, gid] of the results
    packageBytes     what the cache of packages may take, see package_proxy.py; it lies at /packages, unless this is 0
Results in /result: disk.qcow2, packages.tsv (name, version, architecture), base.json.
"""

import glob
import json
import os
import re
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))  # the template's own folder, also where this file is a link to another's
sys.path[:0] = [HERE, "/usr/local/lib/kragle"]

import apt_sources
import apt_words
import boot_loader
import disk_image
import package_proxy
import stage

with open(os.path.join(HERE, "template.json"), encoding="utf-8") as template:
    FACTS = json.load(template)
WORK = os.environ.get("KRAGLE_WORK", "/result")
SCRATCH = os.path.join(WORK, ".tmp")
# What only the build needed, or what must not be the same on two machines.
REMOVED = (
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/ssh/ssh_host_*",
    "etc/*-",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/*",
    "var/lib/apt/lists/*",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/log/*.log",
    "var/log/apt",
)


def base(settings):
    ids = disk_image.identifiers(settings["seed"])
    root = os.path.join(SCRATCH, "root")
    disk = os.path.join(SCRATCH, "disk.raw")
    epoch = settings["sourceDateEpoch"]
    started = time.time()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)

    stage.phase("install packages")
    with package_proxy.serving(settings["packageBytes"]) as packages:
        conf = settings["apt"]["conf"]
        try:
            bootstrap(root, settings, ids, packages.apt_lines(conf) if packages else conf)
        except stage.Failure as failure:
            if packages:
                packages.forget_since(0)
            raise apt_words.explained(failure, settings["suite"]) from failure
    stage.phase("configure system")
    configure(root)
    packages = installed_packages(root)
    boot_loader.install_files(root, disk_image.ROOT_NUMBER, ids["root"], ids["root-partition"])
    clean(root, started, epoch)

    stage.phase("make file systems")
    disk_image.create(disk, settings["diskBytes"], ids)
    disk_image.write_root(disk, settings["diskBytes"], ids, root, epoch)
    disk_image.write_esp(disk, ids, boot_loader.efi_files(root, ids["root"]), epoch)
    boot_loader.place_for_bios(root, disk, disk_image.BIOS_START)

    stage.phase("write disk")
    stage.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk, os.path.join(WORK, "disk.qcow2")])
    write_results(packages, settings, ids)
    shutil.rmtree(SCRATCH)


def bootstrap(root, settings, ids, apt_conf):
    """Installs the packages into the folder `root`. Its APT sources are mmdebstrap's own defaults, never the host's."""
    defaults = os.path.join(SCRATCH, "sources.default")
    build = os.path.join(SCRATCH, "sources.build")
    overlay = os.path.join(SCRATCH, "files")
    write_overlay(overlay, ids)
    sources = build_sources(settings)
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command.append("--skip=chroot/mount")  # this container may not mount, and nothing here needs it
    # A power failure during the build costs the build, not the installed system.
    command += ["--dpkgopt=force-unsafe-io", f"--dpkgopt={overlay}/etc/dpkg/dpkg.cfg.d/50-small"]
    command += ['--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Retries "5"']
    if apt_conf:
        configuration = os.path.join(SCRATCH, "apt.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(apt_conf)
        command.append(f"--aptopt={configuration}")
    command.append(f'--setup-hook=cp "$1"/etc/apt/sources.list {defaults}')
    if sources:
        with open(build, "w", encoding="utf-8") as file:
            file.writelines(f"{source}\n" for source in sources)
        command.append(f'--setup-hook=cp {build} "$1"/etc/apt/sources.list')
    # Merges /usr beforehand; the package that would do it afterwards brings 50 MB of Perl along.
    command.append("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
    # Before the kernel is installed: its initrd depends on fstab and on initramfs-tools' configuration.
    command.append(f'--essential-hook=cp -r {overlay}/. "$1"/')
    command.append(f'--customize-hook=cp {defaults} "$1"/etc/apt/sources.list')
    wanted = wanted_packages(settings["kernel"])
    # What cannot be installed is told as soon as the lists are there, and not after half of the system.
    simulation = f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --simulate --quiet=2 install {" ".join(wanted)} >/dev/null'
    command += [f"--extract-hook={simulation}", f"--include={','.join(wanted)}", settings["suite"], root]
    environment = {"SOURCE_DATE_EPOCH": str(settings["sourceDateEpoch"]), "DEBIAN_FRONTEND": "noninteractive"}
    stage.run(command, env=environment, show=told_by_mmdebstrap)


def told_by_mmdebstrap(line):
    """mmdebstrap's steps; its other lines are about our hooks, and about mounts that are skipped here."""
    match = re.match(r"I: ((?:running apt-get|downloading|extracting|installing|cleaning).*)", line)
    return match and match[1]


def build_sources(settings):
    """The sources to install from, or [] for mmdebstrap's defaults."""
    sources = apt_sources.parse(settings["apt"]["sources"])
    if not settings["snapshot"]:
        return sources
    return apt_sources.at_date(sources or default_sources(settings["suite"]), settings["snapshot"])


def default_sources(suite):
    """The sources that mmdebstrap would write by itself."""
    listing = os.path.join(SCRATCH, "sources.mmdebstrap")
    probe = os.path.join(SCRATCH, "probe")
    command = ["mmdebstrap", "--mode=root", "--variant=custom", "--format=directory", "--skip=update"]
    stage.run([*command, f'--setup-hook=cp "$1"/etc/apt/sources.list {listing}', suite, probe], quiet=True)
    shutil.rmtree(probe)
    with open(listing, encoding="utf-8") as file:
        return apt_sources.parse(file.read())


def wanted_packages(kernel):
    packages = FACTS["packages"]
    return packages["common"] + packages[kernel]


def write_overlay(overlay, ids):
    """The template's own files of the guest, with those that depend on the disk's UUIDs."""
    shutil.copytree(os.path.join(HERE, "files"), overlay)
    generated = {
        "fstab": f"UUID={ids['root']} / ext4 errors=remount-ro,x-systemd.growfs 0 1\n"
        f"UUID={ids['esp']} /boot/efi vfat umask=0077,nofail 0 0\n",
        "hostname": "localhost\n",  # counts as "none": DHCP or cloud-init may give a name
        "hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    }
    for name, text in generated.items():
        with open(os.path.join(overlay, "etc", name), "w", encoding="utf-8") as file:
            file.write(text)
    os.makedirs(os.path.join(overlay, "boot/efi"))


def configure(root):
    units = ["systemd-networkd.service", "systemd-resolved.service", "ssh-host-keys.service"]
    stage.run(["chroot", root, "systemctl", "--quiet", "enable", *units])


def installed_packages(root):
    text = stage.run(
        ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show"]
        + ["--showformat", "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n"],
        quiet=True,
    )
    return [line.split("\t", 1)[1] for line in text.splitlines() if line.startswith("ii")]


def clean(root, started, epoch):
    """Removes traces of the build, and gives what it made (mtime ≥ started) the image's own date."""
    for pattern in REMOVED:
        for path in glob.glob(os.path.join(root, pattern)):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    open(os.path.join(root, "etc/machine-id"), "w").close()
    for folder, folders, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in [*folders, *files, "."]):
            # Only what this build made is newer than its start; a package's files keep the times they came with.
            if os.lstat(path).st_mtime >= started:
                os.utime(path, (epoch, epoch), follow_symlinks=False)


def write_results(packages, settings, ids):
    with open(os.path.join(WORK, "packages.tsv"), "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in packages)
    facts = {"uuids": ids, "tools": stage.tool_versions(), "snapshot": settings["snapshot"], "packages": len(packages)}
    stage.write_json(os.path.join(WORK, "base.json"), facts)
    for name in ("disk.qcow2", "packages.tsv", "base.json"):
        os.chown(os.path.join(WORK, name), *settings["owner"])


if __name__ == "__main__":
    stage.main(base)
