"""Which packages the kickstart asks for, against those of the medium; and their installation."""

import fnmatch
import subprocess

from pykickstart.constants import KS_MISSING_IGNORE
from storage import SYSROOT


class PackageError(Exception):
    """A package is missing, and the kickstart does not say that this may be."""


def of_medium(repository):
    """{group: [package]} of the medium; every package is in the group "all"."""
    groups, current = {"all": []}, "all"
    with open(f"{repository}/Packages.txt", encoding="utf-8") as file:
        for line in file:
            line = line.split("#")[0].strip()
            if line.startswith("@"):
                current = line[1:]
                groups[current] = []
            elif line:
                groups[current].append(line)
                groups["all"].append(line)
    return groups


def choose(ks, repository):
    """Names of the packages to install, sorted. Raises PackageError, in anaconda's words."""
    groups = of_medium(repository)
    available = set(groups["all"])
    ignore = ks.packages.handleMissing == KS_MISSING_IGNORE
    wanted = set() if ks.packages.nocore else set(groups["core"])
    for group in ks.packages.groupList:
        name = group.name.removeprefix("^")
        if name in groups:
            wanted |= set(groups[name])
        elif name not in ("minimal", "core") and not ignore:
            raise PackageError(question(f"the group '{name}'", "group"))
    for name in ks.packages.packageList:
        found = set(fnmatch.filter(available, name))
        if not found and not ignore:
            raise PackageError(question(f"the package '{name}'", "package"))
        wanted |= found
    for pattern in ks.packages.excludedList:
        wanted -= set(fnmatch.filter(wanted, pattern))
    # what an installed system cannot do without, and what the boot loader needs
    wanted |= {"filesystem", "glibc", "bash", "systemd", "rpm", "yum", "kernel", "grub2", "grub2-tools"}
    return sorted(wanted)


def question(what, kind):
    return (
        f"You have specified that {what} should be installed.  This {kind} does not exist.  Would you like to ignore this "
        f"{kind} and continue with installation?"
    )


def install(names, repository):
    print("Starting package installation process\nPreparing transaction from installation source", flush=True)
    first = len(names) // 2
    tell(names, 0, first)
    archive = f"{repository}/LiveOS/squashfs.img"
    subprocess.run(["tar", "-C", SYSROOT, "--numeric-owner", "-I", "zstd", "-xf", archive], check=True)
    tell(names, first, len(names))
    with open(f"{SYSROOT}/usr/share/stand-in/packages", "w", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in names)
    subprocess.run(["chroot", SYSROOT, "/usr/libexec/stand-in/installed", *names], check=True)


def tell(names, start, end):
    for number in range(start, end):
        print(f"Installing {names[number]} ({number + 1}/{len(names)})", flush=True)
