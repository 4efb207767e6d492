import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { handToContainer } from "../../executors/handOver";
import { executor } from "../site";
import { programs } from "./programs";
import { inTools, MIB } from "./smallDisk";
import { toolsImage } from "./toolsImage";

const DISK_BYTES = 64 * MIB;

/** Shell that makes /w/disk.raw: a GPT with an EFI system partition for this processor and a root, of 48 MiB, mostly holes. */
const MAKE = `
  cd /w; truncate -s 48M disk.raw
  printf 'start=2048, size=32768, type=U\\nstart=34816, type=L\\n' | sfdisk --quiet --label gpt disk.raw
  truncate -s 16M esp; mkfs.vfat esp >/dev/null; mmd -i esp ::/EFI ::/EFI/BOOT
  echo loader | mcopy -i esp - ::/EFI/BOOT/BOOTX64.EFI
  dd if=esp of=disk.raw bs=1M seek=1 conv=notrunc,sparse status=none
  head -c 3M /dev/urandom | dd of=disk.raw bs=1M seek=20 conv=notrunc status=none
  qemu-img convert -f raw -O qcow2 disk.raw disk.qcow2; rm esp`;

/** How a source is made of that disk, as which format it is given, and what has to be said of it. */
const REFUSED: Record<string, [make: string, format: string, words: RegExp]> = {
  "a qcow2 with a backing file": [
    "qemu-img create -q -f qcow2 -b /etc/shadow -F raw -u source 48M",
    "qcow2",
    /has the backing file '\/etc\/shadow'; .* disk by itself/,
  ],
  "a qcow2 with an external data file": [
    "qemu-img create -q -f qcow2 -o data_file=/w/data,data_file_raw=on source 48M",
    "qcow2",
    /has its data in another file/,
  ],
  "an encrypted qcow2": [
    // not by LUKS, for which qemu-img measures how fast the processor is, and fails where that is busy
    "qemu-img create -q -f qcow2 --object secret,id=s,data=abc -o encrypt.format=aes,encrypt.key-secret=s source 8M",
    "qcow2",
    /is encrypted/,
  ],
  "a VMDK whose data is in other files": [
    "qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat disk.raw flat.vmdk; mv flat.vmdk source",
    "vmdk",
    /is the description of a VMDK, whose data is in other files/,
  ],
  "a VMDK with a parent": [
    `qemu-img convert -f raw -O vmdk disk.raw parent.vmdk
     qemu-img create -q -f vmdk -b parent.vmdk -F vmdk source`,
    "vmdk",
    /the VMDK lies on another disk/,
  ],
  "a VHD with a parent": [
    `qemu-img convert -f raw -O vpc -o force_size=on disk.raw source
     python3 -c 'import os; f = open("source", "r+b"); f.seek(os.path.getsize("source") - 512 + 60); f.write(bytes([0, 0, 0, 4]))'`,
    "vpc",
    /the VHD lies on another disk/,
  ],
  "a qcow2 that is called raw": ["cp disk.qcow2 source", "raw", /the file is qcow2, and not raw/],
  "a raw disk that is called qcow2": ["cp disk.raw source", "qcow2", /perhaps raw, and not qcow2/],
  "a compressed disk that is called raw": [
    "gzip -c disk.raw >source",
    "raw",
    /is compressed by gzip, and not raw/,
  ],
  "an ISO": [
    "xorriso -as mkisofs -quiet -o source disk.qcow2 2>/dev/null",
    "raw",
    /the file is an ISO/,
  ],
  "an empty file": [": >source", "raw", /the file is empty/],
  "a bomb": [
    "head -c 100M /dev/zero | gzip -1 >source",
    "raw.gz",
    /more than 67108864 bytes when it is decompressed/,
  ],
  "a bomb of xz in a qcow2's name": [
    'head -c 150M /dev/zero | python3 -c \'import lzma, shutil, sys; shutil.copyfileobj(sys.stdin.buffer, lzma.open("source", "wb", preset=0))\'',
    "qcow2.xz",
    /more than 142606336 bytes when it is decompressed/,
  ],
  "a compressed file that is cut off: gz": [
    "gzip -c disk.raw >whole; head -c 1M whole >source",
    "raw.gz",
    /is no whole gz file/,
  ],
  "a compressed file that is cut off: zst": [
    "zstd -q -c disk.raw >whole; head -c 1M whole >source",
    "raw.zst",
    /is no whole zst file/,
  ],
  "a compressed file that is none": ["cp disk.raw source", "raw.xz", /is no whole xz file/],
  "a raw disk that is cut off": [
    "head -c 30M disk.raw >source",
    "raw",
    /the disk is not whole: it has 31457280 bytes, and by its partition table at least/,
  ],
  "a raw disk that ends in a sector": [
    "head -c 30000001 disk.raw >source",
    "raw",
    /no whole sectors of 512/,
  ],
  "a qcow2 that is cut off": [
    "size=$(stat -c %s disk.qcow2); head -c $((size / 2)) disk.qcow2 >source",
    "qcow2",
    /the disk is damaged, or not whole:|could not|Could not/,
  ],
  "a VHD that is cut off": [
    "qemu-img convert -f raw -O vpc -o force_size=on disk.raw vhd; head -c 2M vhd >source",
    "vpc",
    /the VHD is not whole/,
  ],
  "a disk that is larger than diskSize": [
    "qemu-img create -q -f qcow2 source 1T",
    "qcow2",
    /has 1099511627776 bytes \(1024\.00 GiB\), and the setting diskSize is 0\.06 GiB/,
  ],
  "a disk without a partition table": [
    "truncate -s 8M source",
    "raw",
    /the disk has no partition table/,
  ],
  "a disk of another processor, by its boot loader": [
    `mdel -i disk.raw@@1M ::/EFI/BOOT/BOOTX64.EFI; echo loader | mcopy -i disk.raw@@1M - ::/EFI/BOOT/BOOTAA64.EFI
     cp --sparse=always disk.raw source`,
    "raw",
    /is for another processor: arm64, and the image is to be for amd64/,
  ],
  "a disk of another processor, by its partitions": [
    `sfdisk --quiet --part-type disk.raw 2 B921B045-1DF0-41C3-AF44-4C6F280D3FAE
     mdel -i disk.raw@@1M ::/EFI/BOOT/BOOTX64.EFI; cp --sparse=always disk.raw source`,
    "raw",
    /is for another processor: arm64/,
  ],
};

/** And how one is made that is taken. */
const TAKEN: Record<string, [make: string, format: string]> = {
  qcow2: ["cp disk.qcow2 source", "qcow2"],
  "a compressed qcow2 of QEMU's own": [
    "qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd disk.raw source",
    "qcow2",
  ],
  raw: ["cp --sparse=always disk.raw source", "raw"],
  "raw.gz in two pieces": [
    "head -c 20M disk.raw | gzip >source; tail -c +20971521 disk.raw | gzip >>source",
    "raw.gz",
  ],
  "raw.xz": [
    `python3 -c 'import lzma, shutil; shutil.copyfileobj(open("disk.raw", "rb"), lzma.open("source", "wb"))'`,
    "raw.xz",
  ],
  "raw.bz2": [
    `python3 -c 'import bz2, shutil; shutil.copyfileobj(open("disk.raw", "rb"), bz2.open("source", "wb"))'`,
    "raw.bz2",
  ],
  "qcow2.zst": ["zstd -q -c disk.qcow2 >source", "qcow2.zst"],
  "vmdk, streamOptimized": [
    "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized disk.raw source",
    "vmdk",
  ],
  "vmdk, monolithicSparse": ["qemu-img convert -f raw -O vmdk disk.raw source", "vmdk"],
  "vhd, dynamic": ["qemu-img convert -f raw -O vpc -o force_size=on disk.raw source", "vpc"],
  "vhd, fixed": [
    "qemu-img convert -f raw -O vpc -o subformat=fixed,force_size=on disk.raw source",
    "vpc",
  ],
  vhdx: ["qemu-img convert -f raw -O vhdx disk.raw source", "vhdx"],
};

describe("a disk that somebody else made", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "kragle source ü "));
    chmodSync(folder, 0o755);
    await handToContainer(join(folder, "work"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function importDisk(make: string, named: string) {
    inTools(image, folder, `${MAKE}\n${make}\nchmod a+r source`);
    const [format, compression = null] = named.split(".");
    const lines: string[] = [];
    const { exitCode } = await executor.run({
      storeId: "test",
      key: `import-${process.pid}`,
      image,
      run: ["/usr/local/lib/kragle/import_disk.py"],
      settings: { format, compression, architecture: "amd64", diskBytes: DISK_BYTES },
      programs: programs(),
      inputs: [{ at: "/source/disk", path: join(folder, "source") }],
      outputs: [{ at: "/result", path: join(folder, "work") }],
      user: "builder",
      network: "none",
      log: join(folder, "log"),
      onLine: (line) => lines.push(line),
      deadlineSeconds: 100,
    });
    return { exitCode, text: lines.join("\n") };
  }

  for (const [name, [make, format, words]] of Object.entries(REFUSED)) {
    it(`is refused: ${name}`, async () => {
      const { exitCode, text } = await importDisk(make, format);
      assert.equal(exitCode, 1, text);
      assert.match(text, words);
      assert.match(text, /^error: /m);
      assert.ok(!existsSync(join(folder, "work/disk.qcow2")), "it has its final name");
    });
  }

  for (const [name, [make, format]] of Object.entries(TAKEN)) {
    it(`is taken with all that it has, at the wanted size: ${name}`, async () => {
      const { exitCode, text } = await importDisk(make, format);
      assert.equal(exitCode, 0, text);
      const facts = JSON.parse(readFileSync(join(folder, "work/base.json"), "utf8")) as object;
      assert.equal((facts as { sourceBytes: number }).sourceBytes, 48 * MIB);
      inTools(
        image,
        folder,
        `cd /w; qemu-img check -q -f qcow2 work/disk.qcow2
         # what is behind the end of the smaller one is zeros
         qemu-img compare -q -f raw -F qcow2 disk.raw work/disk.qcow2
         test "$(qemu-img info -f qcow2 --output=json work/disk.qcow2 | python3 -c 'import json, sys; print(json.load(sys.stdin)["virtual-size"])')" = ${DISK_BYTES}`,
      );
      // 3 MiB of data, an ESP with a file, a table
      const bytes = statSync(join(folder, "work/disk.qcow2")).size;
      assert.ok(bytes < 6 * MIB, `its holes are kept: ${bytes} bytes`);
    });
  }
});
