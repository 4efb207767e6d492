import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { parseConversion } from "../../plan/formats";
import type { StageAnswer } from "../../plan/stages/call";
import { Conversions } from "./conversions";
import { inTools, makeSmallDisk, type SmallDisk } from "./smallDisk";
import { toolsImage } from "./toolsImage";

describe("the convert stage", function () {
  this.timeout(120_000);
  let disk: SmallDisk;
  let conversions: Conversions;

  before(async function () {
    const image = await toolsImage(this);
    disk = await makeSmallDisk(image);
    conversions = new Conversions(image);
    await conversions.publish(disk.path);
  });
  after(() => {
    conversions?.at.remove();
    if (disk) rmSync(disk.folder, { recursive: true });
  });

  /** What qemu-img says of a result. */
  const info = (answer: StageAnswer, name: string) =>
    JSON.parse(
      inTools(
        disk.toolsImage,
        conversions.folder(answer),
        `qemu-img info --output=json /w/${name}`,
      ),
    ) as Record<string, unknown> & { "format-specific"?: { data: Record<string, unknown> } };

  const formats: [entry: string, format: string, facts?: Record<string, unknown>][] = [
    ["raw", "raw"],
    ["qcow2", "qcow2", { "compression-type": "zlib" }],
    ["qcow2:compression=zlib", "qcow2", { "compression-type": "zlib" }],
    ["qcow2:compression=zstd,cluster_size=256k", "qcow2", { "compression-type": "zstd" }],
    ["vmdk", "vmdk", { "create-type": "monolithicSparse" }],
    ["vmdk:subformat=streamOptimized", "vmdk", { "create-type": "streamOptimized" }],
    ["vdi", "vdi"],
    ["vhdx", "vhdx"],
    ["vhdx:subformat=fixed", "vhdx"],
    ["vhd", "vpc"],
    ["vhd:subformat=fixed", "raw"],
  ];
  for (const [entry, format, facts = {}] of formats) {
    it(`makes ${entry}`, async () => {
      const { fileName } = parseConversion(entry);
      const answer = await conversions.run(entry);
      assert.deepEqual(Object.keys(answer.files), [fileName]);
      const found = info(answer, fileName);
      assert.equal(found.format, format);
      // a fixed VHD is the raw disk and a footer, and is recognised by its name only
      const footer = format === "raw" && entry !== "raw" ? 512 : 0;
      assert.equal(found["virtual-size"], disk.virtualBytes + footer);
      for (const [name, value] of Object.entries(facts)) {
        assert.equal(found["format-specific"]?.data[name], value, name);
      }
    });
  }

  it("makes raw.zst with a block map that belongs to it", async () => {
    const answer = await conversions.run("raw.zst");
    assert.deepEqual(Object.keys(answer.files), ["kragle.raw.bmap", "kragle.raw.zst"]);
    const map = readFileSync(join(conversions.folder(answer), "kragle.raw.bmap"), "utf8");
    assert.match(map, new RegExp(`<ImageSize> ${disk.virtualBytes} </ImageSize>`));
    const ranges = [...map.matchAll(/chksum="(\w+)"> (\d+)(?:-(\d+))? </g)];
    // a copy of nothing but the ranges has to be the disk
    const script = ranges.map(([, sha256, first, last = first]) => {
      const count = Number(last) - Number(first) + 1;
      return `dd if=/tmp/raw bs=4096 skip=${first} count=${count} status=none | sha256sum | grep -q ${sha256}
        dd if=/tmp/raw of=/tmp/copy bs=4096 skip=${first} seek=${first} count=${count} conv=notrunc status=none`;
    });
    inTools(
      disk.toolsImage,
      conversions.folder(answer),
      `zstd -dqo /tmp/raw /w/kragle.raw.zst
       truncate -s ${disk.virtualBytes} /tmp/copy
       ${script.join("\n")}
       cmp /tmp/raw /tmp/copy`,
    );
    assert.ok(ranges.length > 1, "the disk has holes");
    const digest = /<BmapFileChecksum> (\w+) </.exec(map)![1]!;
    const blank = map.replace(digest, "0".repeat(64));
    assert.equal(createHash("sha256").update(blank).digest("hex"), digest);
  });

  for (const entry of ["qcow2", "qcow2:compression=zstd", "raw.zst"]) {
    it(`gives ${entry} the same bytes each time`, async () => {
      const [a, b] = [
        await conversions.run(entry, "common/stage.py"),
        await conversions.run(entry, "common/compact.py"),
      ];
      assert.deepEqual(a.files, b.files);
    });
  }
});
