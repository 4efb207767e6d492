"""Which accelerator QEMU can really use here. A device that opens, or even makes a virtual machine, may still be useless.

For use by hand it is a module. kragle's own probe runs it as a program, `python3 -c`, in a container of the tools image: it
prints why no guest runs on KVM, or nothing.
"""

import os
import stat
import subprocess
import tempfile

KVM = "/dev/kvm"
# A good host needs 0.2 s. Where KVM itself is emulated, the same guest takes 5 s and a real one is slower than without KVM.
LIMIT_SECONDS = 1.5
TRIES = 2  # a busy machine is late once
QEMU = "qemu-system-x86_64"
SUCCESS = 33  # QEMU's exit code when the guest came to its end

# The guest: a boot sector that goes from real mode to long mode, uses what a real kernel uses (paging, a write to an MSR,
# 100 000 times a read of CR3, INVLPG and SWAPGS), and ends QEMU through the device isa-debug-exit at port 0xf4.
# Each line: address, machine code, assembler (Intel syntax). Loaded by the firmware to 0x7c00.
LISTING = """
7c00  fa                 cli
7c01  31 c0              xor ax, ax
7c03  8e d8              mov ds, ax
7c05  8e c0              mov es, ax
7c07  8e d0              mov ss, ax
7c09  bc 00 7c           mov sp, 0x7c00
7c0c  bf 00 10           mov di, 0x1000           ; clear 0x1000 to 0x3fff for three page tables
7c0f  b9 00 18           mov cx, 0x1800
7c12  fc                 cld
7c13  f3 ab              rep stosw
7c15  c7 06 00 10 03 20  mov word [0x1000], 0x2003 ; level 4 to level 3, present and writable
7c1b  c7 06 00 20 03 30  mov word [0x2000], 0x3003 ; level 3 to level 2
7c21  c7 06 00 30 83 00  mov word [0x3000], 0x0083 ; one page of 2 MiB at 0
7c27  66 b8 20 00 00 00  mov eax, 0x20            ; CR4.PAE
7c2d  0f 22 e0           mov cr4, eax
7c30  66 bf 00 10 00 00  mov edi, 0x1000
7c36  0f 22 df           mov cr3, edi
7c39  66 b9 80 00 00 c0  mov ecx, 0xc0000080      ; EFER.LME
7c3f  0f 32              rdmsr
7c41  80 cc 01           or ah, 1
7c44  0f 30              wrmsr
7c46  0f 01 16 98 7c     lgdt [0x7c98]
7c4b  0f 20 c0           mov eax, cr0
7c4e  66 0d 01 00 00 80  or eax, 0x80000001       ; CR0.PG and CR0.PE at once
7c54  0f 22 c0           mov cr0, eax
7c57  ea 5c 7c 08 00     jmp 0x08:0x7c5c          ; from here 64-bit code
7c5c  b9 02 01 00 c0     mov ecx, 0xc0000102      ; KERNEL_GS_BASE
7c61  31 d2              xor edx, edx
7c63  b8 00 10 00 00     mov eax, 0x1000
7c68  0f 30              wrmsr
7c6a  bb a0 86 01 00     mov ebx, 100000
7c6f  0f 20 d8           mov rax, cr3
7c72  0f 01 38           invlpg [rax]
7c75  0f 01 f8           swapgs
7c78  ff cb              dec ebx
7c7a  75 f3              jnz 0x7c6f
7c7c  b0 10              mov al, 0x10
7c7e  e6 f4              out 0xf4, al             ; QEMU exits with (0x10 << 1) | 1
7c80  f4                 hlt
7c81  eb fd              jmp 0x7c80
7c88  00 00 00 00 00 00 00 00                     ; the empty descriptor
7c90  00 00 00 00 00 9a 20 00                     ; 64-bit code, ring 0
7c98  0f 00 88 7c 00 00                           ; size and address of the table
7dfe  55 aa                                       ; makes it a boot sector
"""


def choose():
    """("kvm", None), or ("tcg", why KVM cannot be used)."""
    try:
        if not stat.S_ISCHR(os.stat(KVM).st_mode):
            # docker run -v /dev/kvm:/dev/kvm makes an empty folder where the host has no such device
            return "tcg", f"{KVM} is no device: the host has none"
    except FileNotFoundError:
        return "tcg", f"{KVM} was not given to the container"
    if not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg", f"uid {os.getuid()} may not open {KVM}; docker run --device {KVM} lets it"
    why = obstacle()
    return ("tcg", why) if why else ("kvm", None)


def obstacle():
    """Why no guest runs on KVM, or None where one came to its end in time."""
    # brings QEMU's files into memory, so that a cold disk is not taken for a slow guest
    subprocess.run([QEMU, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    for _ in range(TRIES):
        code, said = run_guest("kvm", "host", LIMIT_SECONDS)
        if code is not None:
            break
    return judge(code, said)


def run_guest(accelerator, cpu, seconds):
    """QEMU's exit code, None where it took longer, and what it printed."""
    with tempfile.NamedTemporaryFile() as disk:
        disk.write(boot_sector())
        disk.flush()
        command = [QEMU, "-accel", accelerator, "-cpu", cpu, "-m", "16", "-nodefaults", "-display", "none", "-no-reboot"]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-drive", f"file={disk.name},format=raw"]
        try:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            done = subprocess.run(command, timeout=seconds, check=False, **pipes)
        except subprocess.TimeoutExpired:
            return None, ""
        return done.returncode, done.stdout.decode(errors="replace")


def boot_sector():
    """The 512 bytes of the listing."""
    sector = bytearray(512)
    for line in LISTING.strip().splitlines():
        address, code, *_ = line.split("  ")
        start, code = int(address, 16) - 0x7C00, bytes.fromhex(code)
        sector[start : start + len(code)] = code
    return bytes(sector)


def judge(code, said):
    if code == SUCCESS:
        return None
    if code is None:
        return f"a test guest that takes 0.2 s elsewhere did not end within {LIMIT_SECONDS} s"
    lines = [line.removeprefix(f"{QEMU}: ").strip() for line in said.splitlines()]
    words = "; ".join([line for line in lines if line and not line.startswith("warning:")][:2])
    return f"QEMU ended with code {code} when it ran a test guest ({words or 'it printed nothing'})"


if __name__ == "__main__":
    print(obstacle() or "")
