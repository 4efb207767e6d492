#!/usr/bin/python3
"""The installer's init: what the DVD's initrd does (dracut with anaconda's scripts of 19.31.123), then anaconda itself.

Waits for the kickstart that inst.ks names and for the medium, and starts the installation. Whatever goes wrong ends as it
does there: with words on the console and a machine that stays on, for nothing must look like a finished installation.
"""

import ctypes
import os
import subprocess
import sys
import time
import traceback

sys.path.insert(0, "/usr/lib/anaconda")
REPOSITORY = "/run/install/repo"
KICKSTART = "/run/install/ks.cfg"
DEVICE_SECONDS = 60
# Options that anaconda 19.31 knows (its docs/boot-options.txt); others are most likely misspelt.
KNOWN = (
    *("repo", "stage2", "dd", "ks", "ks.device", "ks.sendmac", "ks.sendsn", "graphical", "text", "cmdline", "vnc"),
    *("vncpassword", "vncconnect", "xdriver", "usefbx", "resolution", "lang", "keymap", "geoloc", "gpt", "nodmraid"),
    *("nompath", "sshd", "syslog", "virtiolog", "loglevel", "debug", "rescue", "updates", "proxy", "noverifyssl"),
    *("multilib", "askmethod", "selinux", "headless", "nokill", "leavebootorder", "zram", "blacklist", "noeject", "nosave"),
)


def mount_kernel_file_systems():
    for kind, path in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run"), ("tmpfs", "/tmp")):
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", kind, kind, path], check=True)
    console = os.open("/dev/console", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(console, number)
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", LANG="C.UTF-8", TERM="linux")


def arguments():
    """The kernel's command line: {name: [values]}."""
    with open("/proc/cmdline", encoding="utf-8") as file:
        words = file.read().split()
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        found.setdefault(name, []).append(value)
        if name.startswith("inst.") and name.removeprefix("inst.") not in KNOWN:
            say(f"Warning: unknown boot option '{word}'")
    return found


def say(text):
    print(f"dracut: {text}", flush=True)


def load_drivers():
    modprobe(*device_aliases())
    # those of devices that appeared with a driver just loaded
    modprobe(*device_aliases())
    modprobe("isofs", "sr_mod", "sd_mod", "ext4", "xfs", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8")


def device_aliases():
    aliases = set()
    for folder, _folders, files in os.walk("/sys/devices"):
        if "modalias" in files:
            with open(f"{folder}/modalias", encoding="utf-8") as file:
                aliases.add(file.read().strip())
    return aliases - {""}


def link_disks():
    """What udev would do: the names by label and by UUID that scripts of a kickstart use."""
    for path in block_devices():
        for key in ("LABEL", "UUID"):
            value = tag(path, key).replace(" ", "\\x20").replace("/", "\\x2f")
            link = f"/dev/disk/by-{key.lower()}/{value}"
            if value and not os.path.lexists(link):
                os.makedirs(os.path.dirname(link), exist_ok=True)
                os.symlink(path, link)


def modprobe(*names):
    subprocess.run(["modprobe", "--all", "--quiet", *names], stderr=subprocess.DEVNULL, check=False)


def wait_for(find, seconds):
    """The first thing found; None where nothing turned up in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(0.3)
    return None


def device_of(name):
    """The device of "LABEL=X", "UUID=X", "sr1" or "/dev/sr1", once it is there."""
    if name.startswith(("LABEL=", "UUID=")):
        key, value = name.split("=", 1)
        value = value.replace("\\x20", " ")
        return next((path for path in block_devices() if tag(path, key) == value), None)
    path = name if name.startswith("/dev/") else f"/dev/{name}"
    return path if os.path.exists(path) else None


def block_devices():
    return [f"/dev/{name}" for name in sorted(os.listdir("/sys/class/block"))]


def tag(path, key):
    done = subprocess.run(["blkid", "-p", "-o", "value", "-s", key, path], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def fetch_kickstart(options):
    given = (options.get("inst.ks") or options.get("ks") or [""])[-1]
    if not given:
        give_up("Warning: no inst.ks; the stand-in installs by kickstart only")
    kind, _, rest = given.partition(":")
    name, _, path = rest.partition(":")
    path = path or "/ks.cfg"
    if kind == "file" and os.path.isfile(rest):
        copy(rest)
        return
    if kind != "hd":
        give_up(f"Warning: inst.ks='{given}'", f"Warning: can't find {rest or given}!")
    device = wait_for(lambda: device_of(name), DEVICE_SECONDS)
    if not device:
        give_up(
            "Warning: dracut-initqueue timeout - starting timeout scripts",
            f"Warning: Could not boot: {name} of inst.ks='{given}' does not exist",
        )
    say(f"anaconda: fetching kickstart from {device}:{path}")
    mounted = "/run/install/ks"
    os.makedirs(mounted)
    subprocess.run(["mount", "-o", "ro", device, mounted], check=True)
    if not os.path.isfile(mounted + path):
        give_up(f"Warning: Can't get kickstart from {device}:{path}")
    copy(mounted + path)
    subprocess.run(["umount", mounted], check=True)


def copy(path):
    os.makedirs("/run/install", exist_ok=True)
    with open(path, "rb") as source, open(KICKSTART, "wb") as target:
        target.write(source.read())


def mount_medium(options):
    os.makedirs(REPOSITORY, exist_ok=True)
    where = (options.get("inst.stage2") or options.get("inst.repo") or ["cdrom"])[-1]
    kind, _, name = where.partition(":")

    def find():
        if kind in ("hd", "cdrom") and name:
            return device_of(name.split(":")[0])
        return next((path for path in block_devices() if tag(path, "LABEL").startswith("RHEL-7.1 ")), None)

    device = wait_for(find, DEVICE_SECONDS)
    if not device:
        give_up(f"Warning: Could not boot: no installation medium (inst.repo={where})")
    say(f"anaconda using disk root at {device}")
    subprocess.run(["mount", "-o", "ro", device, REPOSITORY], check=True)
    if not os.path.exists(f"{REPOSITORY}/LiveOS/squashfs.img"):
        give_up(f"Warning: {device} has no suitable runtime")


def give_up(*lines):
    for line in lines:
        say(line)
    print("Generating \"/run/initramfs/rdsosreport.txt\"\nEntering emergency mode. Exit the shell to continue.", flush=True)
    stay()


def stay():
    """Nobody answers here, and a machine that powered off would pass for a finished installation."""
    while True:
        time.sleep(3600)


def power_off(action):
    os.sync()
    subprocess.run(["umount", "-a", "-t", "ext4,xfs,vfat,iso9660"], stderr=subprocess.DEVNULL, check=False)
    print(f"stand-in: {action}", flush=True)
    magic = {"reboot": 0x01234567, "poweroff": 0x4321FEDC, "halt": 0xCDEF0123}
    ctypes.CDLL(None).reboot(magic[action])
    stay()


def main():
    mount_kernel_file_systems()
    options = arguments()
    say("Loading Red Hat Enterprise Linux 7.1 x86_64 installer...")
    load_drivers()
    fetch_kickstart(options)
    mount_medium(options)
    link_disks()
    import anaconda

    action = anaconda.run(options)
    if action is None:
        print("Pane is dead", flush=True)
        stay()
    power_off(action)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        print("stand-in: the installer itself failed", flush=True)
        stay()
