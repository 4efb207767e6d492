"""The course of an installation, with the words that anaconda 19.31.123 prints in text and cmdline mode."""

import os
import shutil
import subprocess
import sys
import tempfile

import configuration
import kickstart
import packages
import storage
from init import KICKSTART, REPOSITORY, link_disks
from pykickstart.constants import DISPLAY_MODE_CMDLINE, KS_REBOOT, KS_SCRIPT_POST, KS_SCRIPT_PRE, KS_SHUTDOWN
from pykickstart.errors import KickstartError
from storage import SYSROOT


class Quit(Exception):
    """anaconda ends by itself. Its exit handler then does what the kickstart says about the end of an installation."""


class Waits(Exception):
    """anaconda waits for an answer."""


def run(options):
    """Installs. Returns "poweroff", "reboot" or "halt" for the end, or None where anaconda died or waits."""
    print("anaconda 19.31.123-1 for Red Hat Enterprise Linux 7.1 started.", flush=True)
    try:
        scripts(kickstart.read_pre(KICKSTART), KS_SCRIPT_PRE, "Running pre-installation scripts")
        ks = kickstart.read(KICKSTART)
    except KickstartError as error:
        print(error, flush=True)
        return None
    except Waits:
        return None
    try:
        check_complete(ks, options)
        install(ks, options)
    except Waits:
        return None
    except Quit as quitting:
        print(quitting, flush=True)
        return ending(ks)
    except (storage.StorageError, packages.PackageError) as error:
        print(f"{error}", flush=True)
        return ending(ks) if is_cmdline(ks, options) else None
    if ks.reboot.action not in (KS_REBOOT, KS_SHUTDOWN):
        print("Installation complete. Press return to quit", flush=True)
        return None
    return ending(ks)


def is_cmdline(ks, options):
    return "inst.cmdline" in options or "cmdline" in options or ks.displaymode.displayMode == DISPLAY_MODE_CMDLINE


def ending(ks):
    return {KS_SHUTDOWN: "poweroff", KS_REBOOT: "reboot"}.get(ks.reboot.action, "reboot")


def check_complete(ks, options):
    """Text mode's hub starts by itself only where nothing is left to ask."""
    print("Starting automated install...", flush=True)
    titles = []
    if not ks.lang.seen:
        titles.append("Language settings")
    if not ks.timezone.seen:
        titles.append("Timezone settings")
    if not (ks.autopart.seen or ks.partition.partitions):
        titles.append("Install Destination")
    if not ks.rootpw.seen and not ks.user.userList:
        titles.append("Set root password")
    if titles:
        text = "The following mandatory spokes are not completed:\n" + "\n".join(titles)
        if is_cmdline(ks, options):
            raise Quit(text)
        print(text + "\n  Please make your choice from above ['q' to quit | 'b' to begin installation |\n  'r' to refresh]: ", flush=True)
        raise Waits


def install(ks, options):
    gpt = "inst.gpt" in options or storage.is_efi()
    partitions = storage.plan(ks, options)
    chosen = packages.choose(ks, REPOSITORY)
    print("Progress\nSetting up the installation environment", flush=True)
    storage.create(partitions, gpt)
    link_disks()
    storage.mount(partitions)
    packages.install(chosen, REPOSITORY)
    print("Performing post-installation setup tasks", flush=True)
    bind_kernel_file_systems()
    configuration.write_fstab(partitions)
    if not ks.bootloader.disabled:
        print("Installing boot loader", flush=True)
        storage.place_boot_loader(partitions, gpt)
        configuration.boot_loader(ks, options)
    print("Performing post-installation setup tasks\nConfiguring installed system", flush=True)
    configuration.system(ks)
    print("Writing network configuration", flush=True)
    configuration.network(ks)
    print("Creating users", flush=True)
    configuration.users(ks)
    print("Configuring addons\nGenerating initramfs", flush=True)
    scripts(ks, KS_SCRIPT_POST, "Running post-installation scripts")
    copy_logs()
    configuration.write_kickstart(ks, KICKSTART, options)
    unmount(partitions)


def bind_kernel_file_systems():
    for name in ("proc", "sys", "dev", "run"):
        os.makedirs(f"{SYSROOT}/{name}", exist_ok=True)
        subprocess.run(["mount", "--rbind", f"/{name}", f"{SYSROOT}/{name}"], check=True)


def scripts(ks, kind, title):
    found = [script for script in ks.scripts if script.type == kind]
    if found:
        print(title, flush=True)
    for script in found:
        run_script(script)


def run_script(script):
    """As AnacondaKSScript.run does it: where it is logged, in which root it runs, what a failure means."""
    inside = script.inChroot and script.type == KS_SCRIPT_POST
    root = SYSROOT if inside else ""
    os.makedirs(f"{root}/tmp", exist_ok=True)
    handle, path = tempfile.mkstemp("", "ks-script-", f"{root}/tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(script.script)
    os.chmod(path, 0o700)
    name = os.path.basename(path)
    log = f"{root}/{script.logfile}" if script.logfile else f"/tmp/{name}.log"
    os.makedirs(os.path.dirname(log), exist_ok=True)
    command = [script.interp, f"/tmp/{name}"]
    if inside:
        command = ["chroot", SYSROOT, *command]
    environment = {**os.environ, "ANA_INSTALL_PATH": SYSROOT}
    with open(log, "w", encoding="utf-8") as output:
        try:
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, check=False
            ).returncode
        except OSError as error:
            output.write(f"{error}\n")
            code = 127
    if code != 0 and script.errorOnFail:
        with open(log, encoding="utf-8", errors="replace") as file:
            details = file.read()
        print(
            f"There was an error running the kickstart script at line {script.lineno}.  This is a fatal error and "
            f"installation will be aborted.  The details of this error are:\n\n{details}\nPress enter to exit.",
            flush=True,
        )
        raise Waits
    os.remove(path)


def copy_logs():
    """data/post-scripts/99-copy-logs.ks"""
    folder = f"{SYSROOT}/var/log/anaconda"
    os.makedirs(folder, exist_ok=True)
    for name in ("anaconda.log", "anaconda.program.log", "anaconda.packaging.log", "anaconda.storage.log"):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write("stand-in\n")
    for name in os.listdir("/tmp"):
        if name.startswith("ks-script") and name.endswith(".log"):
            shutil.copy(f"/tmp/{name}", folder)
    for name in os.listdir(folder):
        os.chmod(f"{folder}/{name}", 0o600)


def unmount(partitions):
    sys.stdout.flush()
    os.sync()
    for name in ("run", "dev", "sys", "proc"):
        subprocess.run(["umount", "-R", "-l", f"{SYSROOT}/{name}"], check=True)
    for each in reversed(storage.mounted(partitions)):
        subprocess.run(["umount", SYSROOT + each.mountpoint], check=True)
