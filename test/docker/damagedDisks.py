"""damagedDisks.py: makes disks whose qcow2 header, partition table or file system nobody would write, and runs the inspector on each.

Leaves in /scratch/tried.json a list of {"what", "seconds", "code", "words": of the inspector's stderr, "facts"}.
"""

import json
import os
import struct
import subprocess
import sys
import time
import zlib

SECTOR = 512
MOST = 0xFFFFFFFF
ROOT, ESP = 12288, 2048  # where they begin, in sectors
INSPECTOR = [sys.executable, "/usr/local/lib/kragle/inspect_image.py"]
os.chdir("/scratch")


def shell(commands):
    subprocess.run(["sh", "-euc", commands], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


shell(f"""
mkdir -p root/etc root/usr/lib; echo ID=tiny >root/usr/lib/os-release; echo 'LABEL=root / ext4 defaults 0 1' >root/etc/fstab
truncate -s 24M disk
printf 'start={ESP}, size=8192, type=U\\nstart={ROOT}, type=L\\n' | sfdisk --label gpt disk
mke2fs -t ext4 -O ^metadata_csum -L root -d root -E offset={ROOT * SECTOR} disk 17M
debugfs -w -R 'sif /etc/fstab uid 165537' 'disk?offset={ROOT * SECTOR}'
truncate -s 4M esp; mkfs.vfat -i 1234ABCD esp; mmd -i esp ::/EFI
dd if=esp of=disk bs={SECTOR} seek={ESP} conv=notrunc,sparse
qemu-img convert -f raw -O qcow2 disk good.qcow2
mkfifo pipe
""")
with open("disk", "rb") as file:
    DISK = file.read()
with open("good.qcow2", "rb") as file:
    QCOW2 = file.read()


def changed(data, *changes):
    data = bytearray(data)
    for at, form, value in changes:
        struct.pack_into(form, data, at, value)
    return bytes(data)


def backing(name):
    # the name lies behind the header's extensions, in the first cluster
    return changed(QCOW2, (8, ">Q", 32768), (16, ">I", len(name)), (32768, f"{len(name)}s", name.encode()))


def qcow2(data):
    with open("changed", "wb") as file:
        file.write(data)
    shell("qemu-img convert -f raw -O qcow2 changed image.qcow2")
    with open("image.qcow2", "rb") as file:
        return file.read()


def gpt(header=(), entry=()):
    """The primary table, with sums that are right."""
    data = changed(DISK, *((1024 + 128 + at, form, value) for at, form, value in entry))
    table = zlib.crc32(data[1024 : 1024 + 128 * 128])
    head = changed(data[512:604], (88, "<I", table), *header, (16, "<I", 0))
    data = data[:512] + changed(head, (16, "<I", zlib.crc32(head))) + data[604:]
    return qcow2(data)


def mbr(*sectors):
    """Partition tables [(type, start, size)] by sector; nothing is left of the GPT."""
    data = bytes(20 * SECTOR) + DISK[20 * SECTOR : -34 * SECTOR] + bytes(34 * SECTOR)
    for at, parts in sectors:
        table = b"".join(struct.pack("<BBBBBBBBII", 0, 0, 2, 0, kind, 0, 0, 0, start, size) for kind, start, size in parts)
        data = data[: at * SECTOR + 446] + table.ljust(64, b"\0") + b"\x55\xaa" + data[(at + 1) * SECTOR :]
    return qcow2(data)


def fat(at, form, value):
    return qcow2(changed(DISK, (ESP * SECTOR + at, form, value)))


def ext(at, form, value):
    return qcow2(changed(DISK, (ROOT * SECTOR + 1024 + at, form, value)))


def cases():
    root = (0x83, ROOT, 34816)
    yield "good", QCOW2
    yield "nothing", b""
    yield "a raw disk", DISK
    yield "a header cut short", QCOW2[:90]
    yield "size of 2 EiB", changed(QCOW2, (24, ">Q", 2**61))
    yield "L1 table of 32 GiB", changed(QCOW2, (36, ">I", MOST))
    yield "L1 table beyond the end", changed(QCOW2, (40, ">Q", 2**40))
    yield "refcounts beyond the end", changed(QCOW2, (48, ">Q", 2**40))
    yield "snapshots without number", changed(QCOW2, (60, ">I", MOST), (64, ">Q", 65536))
    yield "dirty", changed(QCOW2, (72, ">Q", 1))
    yield "corrupt", changed(QCOW2, (72, ">Q", 2))
    yield "external data", changed(QCOW2, (72, ">Q", 4))
    for name in ("/etc/passwd", "/dev/zero", "/scratch/pipe", "/scratch/image.qcow2", "nbd://10.255.255.1/x"):
        yield f"backing {name}", backing(name)
    yield "backing nowhere", changed(QCOW2, (8, ">Q", 2**40), (16, ">I", 100))
    yield "GPT of 4 billion entries", gpt([(80, "<I", MOST)])
    yield "GPT of entries of 4 GiB", gpt([(84, "<I", MOST)])
    yield "GPT that ends beyond the disk", gpt([(48, "<Q", 2**63)])
    yield "partition beyond the disk", gpt(entry=[(40, "<Q", 2**63)])
    yield "partition over the table", gpt(entry=[(32, "<Q", 0)])
    yield "partition that ends before it starts", gpt(entry=[(40, "<Q", 100)])
    yield "partition smaller than its file system", gpt(entry=[(40, "<Q", 30000)])
    yield "MBR partitions that overlap", mbr((0, [root, (0x83, 20000, 20000)]))
    yield "MBR partition without size", mbr((0, [(0x83, ROOT, 0)]))
    yield "MBR partition at the end of 2 TiB", mbr((0, [(0x83, MOST, MOST)]))
    yield "extended partition in itself", mbr((0, [root, (5, 64, 1000)]), (64, [(0x83, 10, 10), (5, 0, 1000)]))
    ring = (164, [(0x83, 10, 10), (5, 200, 100)]), (264, [(0x83, 10, 10), (5, 100, 100)])
    yield "extended partitions in a ring", mbr((0, [root, (5, 64, 1000)]), (64, [(0x83, 10, 10), (5, 100, 100)]), *ring)
    yield "FAT without sectors", fat(11, "<H", 0)
    yield "FAT of 255 tables", fat(16, "<B", 255)
    yield "ext of 4 billion blocks", ext(4, "<I", MOST)
    yield "ext of blocks of 2^210", ext(24, "<I", 200)
    yield "ext of groups without blocks", ext(32, "<I", 0)
    yield "ext of groups of 4 billion inodes", ext(40, "<I", MOST)
    yield "ext of unknown features", ext(96, "<I", MOST)


tried = []
for what, data in cases():
    with open("image.qcow2", "wb") as file:
        file.write(data)
    for left in ("facts.json", "disk.raw"):
        if os.path.exists(left):
            os.unlink(left)
    started = time.monotonic()
    try:
        ended = subprocess.run(INSPECTOR, capture_output=True, text=True, check=False, timeout=60)
        code, words = ended.returncode, ended.stderr
    except subprocess.TimeoutExpired:
        code, words = -1, "it hangs"
    facts = None
    if os.path.exists("facts.json"):
        with open("facts.json", encoding="utf-8") as file:
            facts = json.load(file)
    tried.append({"what": what, "seconds": time.monotonic() - started, "code": code, "words": words, "facts": facts})
with open("tried.json", "w", encoding="utf-8") as file:
    json.dump(tried, file)
