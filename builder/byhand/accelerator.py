"""Which accelerator QEMU can really use here."""

import os
import stat
import subprocess
import tempfile

KVM = "/dev/kvm"
LIMIT_SECONDS = 1.5  # a guest of five bytes takes 0.1 s where KVM works, and 5 s where KVM is emulated itself
# A boot sector: mov al, 0x10; out 0xf4, al; hlt. QEMU's isa-debug-exit turns the value into exit code 2 * 0x10 + 1.
BOOT_SECTOR = bytes.fromhex("b010e6f4f4").ljust(510, b"\0") + b"\x55\xaa"
ALIVE = 33


def choose():
    """("kvm", None), or ("tcg", why KVM cannot be used): only a guest that ran proves it, the device alone does not."""
    try:
        if not stat.S_ISCHR(os.stat(KVM).st_mode):
            # docker run -v /dev/kvm:/dev/kvm makes an empty folder where the host has no such device
            return "tcg", f"{KVM} is no device: the host has none"
    except FileNotFoundError:
        return "tcg", f"{KVM} was not given to the container"
    if not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg", f"uid {os.getuid()} may not open {KVM}; docker run --device {KVM} lets it"
    if not runs_a_guest():
        return "tcg", f"{KVM} opens, but no guest runs on it"
    return "kvm", None


def runs_a_guest():
    with tempfile.NamedTemporaryFile() as sector:
        sector.write(BOOT_SECTOR)
        sector.flush()
        command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-m", "16", "-accel", "kvm", "-cpu", "host"]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
        command += ["-drive", f"file={sector.name},format=raw,if=ide,snapshot=on"]
        try:
            done = subprocess.run(command, timeout=LIMIT_SECONDS, stdin=subprocess.DEVNULL, capture_output=True)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == ALIVE
