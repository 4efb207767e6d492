import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { sha256File } from "../../host/files";
import { Conversions } from "./conversions";
import { inTools, makeSmallDisk, type SmallDisk } from "./smallDisk";
import { toolsImage } from "./toolsImage";
import { isFullTier } from "../fullTier";

/** What a program prints. */
const output = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: "utf8", env: { ...process.env, PATH: SEARCH } });

const SEARCH = `${process.env.PATH}:/usr/sbin:/sbin`;

// What qemu-img wrote is read by programs that share no code with it.
describe("second readers", function () {
  this.timeout(300_000);
  let disk: SmallDisk;
  let conversions: Conversions;
  let rawDigest: string;

  before(async function () {
    if (!isFullTier) this.skip();
    disk = await makeSmallDisk(await toolsImage(this));
    conversions = new Conversions(disk.toolsImage);
    await conversions.publish(disk.path);
    inTools(disk.toolsImage, disk.folder, "qemu-img convert -O raw /w/image.qcow2 /w/disk.raw");
    rawDigest = await sha256File(join(disk.folder, "disk.raw"));
  });

  /** A test that needs a program; skipped, and said, where it is not installed. */
  const reads = (program: string, entry: string, read: (file: string) => void | Promise<void>) =>
    it(`${program} opens ${entry}`, async function () {
      if (spawnSync("sh", ["-c", `command -v ${program}`], { env: { PATH: SEARCH } }).status) {
        console.log(`      skipped: there is no ${program}`);
        return this.skip();
      }
      const answer = await conversions.run(entry);
      const [file] = Object.keys(answer.files).filter((name) => !name.endsWith(".bmap"));
      await read(join(conversions.folder(answer), file!));
    });

  reads("parted", "raw", (file) => {
    const table = output("parted", "--script", "--machine", file, "unit", "B", "print");
    assert.match(table, /:gpt:/);
    assert.match(table, /^1:1048576B:.*:ext4:/m);
  });

  reads("bmaptool", "raw.zst", async (file) => {
    const copy = join(disk.folder, "copy.raw");
    output("bmaptool", "copy", "--bmap", file.replace(/raw\.zst.*/, "raw.bmap"), file, copy);
    assert.equal(await sha256File(copy), rawDigest);
  });

  // what 7-Zip takes out of the disk has to be what went in
  const withSevenZip = ["vdi", "vhdx", "vhd", "vhd:subformat=fixed", "vmdk", "qcow2"];
  for (const entry of [...withSevenZip, "qcow2:compression=zlib"]) {
    reads("7z", entry, async (file) => {
      const listing = output("7z", "l", "-slt", file);
      assert.match(listing, /^Type = (VDI|VHDX?|VMDK|QCOW)$/m, listing);
      const folder = join(disk.folder, entry.replace(/\W/g, "-"));
      mkdirSync(folder);
      output("7z", "x", "-y", `-o${folder}`, file);
      // it goes down to the files of the one partition, or hands out the disk as a file
      const found = output("find", folder, "-type", "f").trim().split("\n");
      if (found.length === 1) assert.equal(await sha256File(found[0]!), rawDigest);
      else {
        for (const name of ["1", "24", "small50"]) {
          const content = inTools(
            disk.toolsImage,
            disk.folder,
            `debugfs -R 'cat /${name}' '/w/disk.raw?offset=1048576' 2>/dev/null | sha256sum`,
          );
          assert.equal(await sha256File(join(folder, name)), content.slice(0, 64), name);
        }
      }
    });
  }

  after(() => {
    conversions?.at.remove();
    if (disk) execFileSync("rm", ["-rf", disk.folder]);
  });
});
