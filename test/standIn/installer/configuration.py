"""What the kickstart says about the installed system, written where Enterprise Linux 7 keeps it."""

import crypt
import os
import shutil
import subprocess

import storage
from pykickstart.constants import SELINUX_DISABLED, SELINUX_PERMISSIVE
from storage import SYSROOT

SELINUX = {SELINUX_DISABLED: "disabled", SELINUX_PERMISSIVE: "permissive"}


def write(path, text, mode=0o644):
    target = SYSROOT + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(target, mode)


def inside(*command, **options):
    stdin = None if "input" in options else subprocess.DEVNULL
    return subprocess.run(["chroot", SYSROOT, *command], text=True, stdin=stdin, check=False, **options)


def write_fstab(partitions):
    write("/etc/fstab", storage.fstab(partitions))


def boot_loader(ks, options):
    """/etc/default/grub with anaconda's lines, and grub.cfg by the installed grub2-mkconfig."""
    kept = [f"{name}={value}" for name in ("console", "net.ifnames", "biosdevname") for value in options.get(name, [])]
    given = ks.bootloader.appendLine.split()
    words = " ".join([*given, *(word for word in kept if word not in given)])
    timeout = 5 if ks.bootloader.timeout is None else ks.bootloader.timeout
    serial = any(word.startswith("console=ttyS") for word in words.split())
    terminal = 'GRUB_TERMINAL="serial console"\nGRUB_SERIAL_COMMAND="serial --speed=115200 --unit=0 --word=8 --parity=no --stop=1"\n'
    write(
        "/etc/default/grub",
        f"GRUB_TIMEOUT={timeout}\nGRUB_DISTRIBUTOR=\"$(sed 's, release .*$,,g' /etc/system-release)\"\nGRUB_DEFAULT=saved\n"
        "GRUB_DISABLE_SUBMENU=true\n" + (terminal if serial else 'GRUB_TERMINAL_OUTPUT="console"\n') +
        f'GRUB_CMDLINE_LINUX="{words}"\nGRUB_DISABLE_RECOVERY="true"\n',
    )
    target = "/boot/efi/EFI/redhat/grub.cfg" if storage.is_efi() else "/boot/grub2/grub.cfg"
    inside("grub2-mkconfig", "-o", target, check=True)


def system(ks):
    write("/etc/selinux/config", f"SELINUX={SELINUX.get(ks.selinux.selinux, 'enforcing')}\nSELINUXTYPE=targeted\n")
    write("/etc/locale.conf", f'LANG="{ks.lang.lang}"\n')
    write("/etc/vconsole.conf", f'KEYMAP="{ks.keyboard.vc_keymap or ks.keyboard.keyboard or "us"}"\n')
    link = f"{SYSROOT}/etc/localtime"
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(f"../usr/share/zoneinfo/{ks.timezone.timezone}", link)
    services = "".join(f'  <service name="{name}"/>\n' for name in ks.firewall.services)
    write("/etc/firewalld/zones/public.xml", f"<zone>\n{services}</zone>\n")
    for name in ks.services.disabled:
        inside("systemctl", "--quiet", "disable", name, stderr=subprocess.DEVNULL)
    for name in ks.services.enabled:
        inside("systemctl", "--quiet", "enable", name, stderr=subprocess.DEVNULL)


def network(ks):
    """One ifcfg file for each command with a device, and for each device that has none, as anaconda leaves them."""
    given = {item.device: item for item in ks.network.network if item.device}
    for item in ks.network.network:
        if item.hostname:
            write("/etc/hostname", item.hostname + "\n")
    for number, name in enumerate(sorted(name for name in os.listdir("/sys/class/net") if name != "lo")):
        item = given.pop(name, None) or (given.pop("link", None) if number == 0 else None)
        onboot = "yes" if item and item.onboot else "no"
        with open(f"/sys/class/net/{name}/address", encoding="ascii") as file:
            address = file.read().strip().upper()
        # 19.31 writes no HWADDR for a device that the kickstart configures (commit "don't write HWADDR in ifcfgs")
        hardware = "" if item else f"HWADDR={address}\n"
        write(
            f"/etc/sysconfig/network-scripts/ifcfg-{name}",
            f'TYPE="Ethernet"\nBOOTPROTO="{item.bootProto if item else "dhcp"}"\nDEFROUTE="yes"\nNAME="{name}"\n'
            f'DEVICE="{name}"\nONBOOT="{onboot}"\n{hardware}',
        )
    for name, item in given.items():
        write(
            f"/etc/sysconfig/network-scripts/ifcfg-{name}",
            f'TYPE="Ethernet"\nBOOTPROTO="{item.bootProto}"\nDEVICE="{name}"\nONBOOT="{"yes" if item.onboot else "no"}"\n',
        )


def hashed(password, is_hashed):
    return password if is_hashed else crypt.crypt(password, crypt.mksalt(crypt.METHOD_SHA512))


def users(ks):
    if ks.rootpw.password:
        password = hashed(ks.rootpw.password, ks.rootpw.isCrypted)
        inside("chpasswd", "-e", input=f"root:{password}\n", check=True)
    if ks.rootpw.lock:
        inside("usermod", "--lock", "root", check=True)
    for user in ks.user.userList:
        groups = ["--groups", ",".join(user.groups)] if user.groups else []
        shell = ["--shell", user.shell] if user.shell else []
        inside("useradd", "--create-home", *groups, *shell, user.name, check=True)
        if user.password and not user.lock:
            inside("chpasswd", "-e", input=f"{user.name}:{hashed(user.password, user.isCrypted)}\n", check=True)


def write_kickstart(ks, original, options):
    """anaconda-ks.cfg holds everything, scripts included. Later releases of 7 also keep what they were given."""
    write("/root/anaconda-ks.cfg", str(ks), 0o600)
    if "inst.nosave" not in options:
        shutil.copyfile(original, f"{SYSROOT}/root/original-ks.cfg")
        os.chmod(f"{SYSROOT}/root/original-ks.cfg", 0o600)
