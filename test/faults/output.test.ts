import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { sha256File } from "../../host/files";
import { Roots } from "../../store/roots";
import { writeStackRecord } from "../../store/stackRecord";
import type { Clone } from "../clone";
import { canLoop, inTools, LoopDevice, makeSmallDisk, pretendRelease } from "../docker/smallDisk";
import type { SmallDisk } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { sharedCloneInFullTier } from "../sharedClone";
import { SignedRelease } from "../signedRelease";
import { ownerOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";
import { countFaults } from "./figures";
import { assertNothingHalf, assertNothingLeaked } from "./invariants";
import { runUnheard, ways } from "./lostOutput";

describe("a command whose output goes nowhere", function () {
  this.timeout(60_000);
  let at: TemporaryStore;
  const release = new SignedRelease();
  countFaults();
  beforeEach(async () => {
    at = new TemporaryStore();
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), {
      engine: "embedded",
      outputs: { imagePath: release.at("packer-kragle-qcow2") },
      finishedAt: "2026-11-01T00:00:00Z",
    });
    // without it gc would delete nothing, since nobody knew what a stack that was released uses
    const { key, manifest } = await at.publish({ x: "y" }, at.describe("used"));
    const root = { stage: "image", key, publishedAt: manifest.publishedAt };
    await Roots.of(at.home, ownerOf(at.home, "dev")).set("release", root);
  });
  afterEach(() => at.remove());

  for (const way of ways) {
    for (const command of ["outputs --json", "outputs", "verify", "verify --json", "logs"]) {
      it(`${command}: ${way}`, async () => {
        await runUnheard(at.home, command, way, { answers: true });
      });
    }

    for (const command of ["gc", "gc --json"]) {
      it(`${command}: ${way}`, async () => {
        const unused = await at.publish();
        const answers = command.includes("json");
        const done = await runUnheard(at.home, command, way, { answers });
        assert.equal(existsSync(unused.folder), !done);
        await assertNothingHalf(at.home);
      });
    }
  }
});

describe("a write whose output goes nowhere", function () {
  this.timeout(120_000);
  let disk: SmallDisk;
  let home: string;
  countFaults();
  before(async function () {
    disk = await makeSmallDisk(await toolsImage(this), 8);
    home = await pretendRelease(disk);
    inTools(disk.toolsImage, disk.folder, "qemu-img convert -O raw /w/image.qcow2 /w/raw");
  });
  after(() => {
    if (disk) rmSync(disk.folder, { recursive: true });
  });
  const has = async (path: string) =>
    existsSync(path) && (await sha256File(path)) === (await sha256File(join(disk.folder, "raw")));

  for (const way of ways) {
    for (const more of ["", " --json"]) {
      const options = { answers: more !== "", docker: true };

      it(`to a file${more}: ${way}`, async () => {
        const path = join(disk.folder, "new.raw");
        const command = `write "$1"${more}`;
        const done = await runUnheard(home, command, way, { ...options, args: [path] });
        assert.equal(await has(path), done);
        rmSync(path, { force: true });
        const left = readdirSync(disk.folder).filter((name) => /unfinished|direct-io/.test(name));
        assert.deepEqual(left, []);
      });

      it(`to a device${more}: ${way}`, async function () {
        if (!canLoop()) this.skip();
        const loop = new LoopDevice(join(disk.folder, "loop.img"), disk.virtualBytes);
        const blank = await sha256File(loop.file);
        try {
          const command = `write "$1" --virtual --yes --device-size ${disk.virtualBytes}${more}`;
          const done = await runUnheard(home, command, way, { ...options, args: [loop.path] });
          if (done) assert.ok(await has(loop.file), "it is half written");
          else assert.equal(await sha256File(loop.file), blank);
        } finally {
          loop.remove();
        }
      });
    }
  }
});

describe("an up whose output goes nowhere", function () {
  this.timeout(20 * 60_000);
  let clone: Clone;
  let home: string;
  countFaults();
  before(async function () {
    clone = sharedCloneInFullTier(this);
    home = clone.path(".kragle");
    clone.addStack("unheard", { formats: [], smoke: "none" });
    const { code, stderr } = await clone.kragle(["up", "-s", "unheard", "--engine", "embedded"]);
    assert.equal(code, 0, stderr);
  });
  const released = () =>
    JSON.parse(readFileSync(clone.path("build/unheard/output/manifest.json"), "utf8")) as {
      releasedAt: string;
    };

  for (const way of ways) {
    it(`preview: ${way}`, async () => {
      const command = "preview -s unheard --engine embedded";
      await runUnheard(home, command, way, { answers: true, docker: true, folder: clone.folder });
    });

    for (const more of ["", " --json"]) {
      // the two ways in which an answer that was asked for is lost
      if (more && !["stdout is a full disk", "reader is gone"].includes(way)) continue;
      it(`up${more}: ${way}`, async () => {
        const before = released().releasedAt;
        const command = `up -s unheard --engine embedded --rebuild release${more}`;
        const options = { answers: more !== "", docker: true, folder: clone.folder };
        const done = await runUnheard(home, command, way, options);
        assert.equal(released().releasedAt !== before, done);
        const verified = await clone.kragle(["verify", "-s", "unheard"]);
        assert.equal(verified.code, 0, verified.stdout);
      });
    }
  }

  it("and nothing of them is left", async () => {
    await assertNothingLeaked(home, { project: clone.folder });
  });
});
