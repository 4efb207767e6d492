import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { stageKey } from "../../plan/description";
import { EXIT, type StageFailure } from "../../host/failure";
import { Conversions } from "../docker/conversions";
import { canLoop, inTools, makeSmallDisk, MIB, type SmallDisk } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked } from "./invariants";
import { Run } from "./run";

describe("a conversion that goes wrong", function () {
  this.timeout(120_000);
  let disk: SmallDisk;
  let conversions: Conversions;
  countFaults();

  before(async function () {
    const image = await toolsImage(this);
    disk = await makeSmallDisk(image, 96);
  });
  beforeEach(() => {
    conversions = new Conversions(disk.toolsImage);
  });
  afterEach(() => conversions.at.remove());
  after(() => {
    if (disk) rmSync(disk.folder, { recursive: true });
  });

  const published = () =>
    readdirSync(join(conversions.at.home, "store")).filter((name) => name.startsWith("convert-"));

  it("refuses a truncated qcow2, which qemu-img alone converts to zeroes", async () => {
    const cut = join(disk.folder, "cut.qcow2");
    copyFileSync(disk.path, cut);
    truncateSync(cut, 60 * MIB);
    inTools(disk.toolsImage, disk.folder, "qemu-img convert -O raw /w/cut.qcow2 /w/cut.raw");
    await conversions.publish(cut);
    await assert.rejects(conversions.run("raw"), /could not check the image/);
    assert.deepEqual(published(), []);
    survived({ fault: "image is truncated", where: "convert" });
  });

  it("refuses an image in which a bit has flipped, although its size and time are unchanged", async () => {
    const file = await conversions.publish(disk.path);
    const reference = join(disk.folder, "time");
    execFileSync("touch", ["--reference", file, reference]);
    const descriptor = openSync(file, "r+");
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, 40 * MIB);
    writeSync(descriptor, Buffer.from([byte[0]! ^ 1]), 0, 1, 40 * MIB);
    closeSync(descriptor);
    execFileSync("touch", ["--reference", reference, file]);
    await assert.rejects(conversions.run("raw"), /the image in the store is damaged/);
    assert.deepEqual(published(), []);
    survived({ fault: "one bit of the image flips", where: "convert" });
  });

  describe("on a disk that is too small", () => {
    let small: string;
    beforeEach(async function () {
      if (!canLoop()) this.skip();
      await conversions.publish(disk.path);
      small = join(conversions.at.home, "work");
      mkdirSync(small, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${48 * MIB},mode=755`, "none", small]);
    });
    afterEach(() => void (small && execFileSync("umount", [small])));

    it("is not begun", async () => {
      await assert.rejects(
        conversions.run("raw"),
        /the store's disk has \d+ MiB free, the converted image needs about \d+ MiB/,
      );
      assert.deepEqual(published(), []);
      survived({ fault: "too little free space from the start", where: "convert" });
    });

    it("or stops half-way, and leaves nothing", async () => {
      // whichever notices it first, qemu-img or the guard that watches the disk
      await assert.rejects(
        conversions.run("qcow2:compression=zstd"),
        ({ message, details }: StageFailure) => {
          assert.match(
            message,
            /could not convert to qcow2[^]*No space left on device|the disk of [^]* is full: /,
          );
          assert.match(message, /free space on that disk/);
          assert.equal(details.exitCode, EXIT.lacking);
          return true;
        },
      );
      assert.deepEqual(published(), []);
      survived({ fault: "disk is full", where: "convert" });
    });
  });

  it("leaves nothing under its name when it is killed, and the next run finishes", async () => {
    await conversions.publish(disk.path);
    const { home, place } = conversions.at;
    const request = conversions.call("qcow2:compression=zlib");
    const { stage } = request.description;
    const key = stageKey(request.description);
    const run = Run.stage(home, request);
    const half = join(place.workFolder(stage, key), "kragle.zlib.qcow2");
    while (!existsSync(half) || statSync(half).size < MIB) await sleep(2);
    run.signal("SIGKILL");
    await run.ended;
    const secondsToClean = await assertNothingLeaked(home, { since: run.faultAt! });
    assert.deepEqual(published(), []);
    const { code, stderr } = await Run.stage(home, request).ended;
    assert.equal(code, 0, stderr);
    assert.deepEqual(published(), [`${stage}-${key}`]);
    await assertNothingLeaked(home);
    survived({ fault: "SIGKILL of kragle", where: "convert", secondsToClean });
  });
});
