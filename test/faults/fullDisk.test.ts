import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { type Clone, jsonOf } from "../clone";
import { canLoop } from "../docker/smallDisk";
import { isFullTier } from "../fullTier";
import { sharedClone } from "../sharedClone";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, readdirIfThere, evidenceFolder } from "./invariants";
import { Run } from "./run";

const MIB = 2 ** 20;

/** The stages of a built image that write; base, image and convert have such tests of their own. */
describe("a disk that fills up under a built image", function () {
  this.timeout(20 * 60_000);
  let clone: Clone;
  let home: string;
  countFaults();

  before(async function () {
    if (!isFullTier || !canLoop()) this.skip();
    clone = sharedClone();
    home = clone.path(".kragle");
    clone.addStack("full", { formats: ["raw"] });
    await up();
  });

  async function up(): Promise<Record<string, string>> {
    const ended = await Run.up(clone, "full").ended;
    assert.equal(ended.code, 0, ended.stderr);
    return jsonOf<{ steps: Record<string, string> }>(ended).steps;
  }

  /** Waits until the stage has written into the folder, then fills the disk, but for what logs need. */
  async function fillOnceWritten(folder: string, run: Run): Promise<void> {
    const free = () => {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    };
    const atFirst = free();
    while (free() > atFirst - MIB) {
      if (run.isOver) return;
      await sleep(20);
    }
    const filler = openSync(join(folder, "filler"), "w");
    while (free() > 2 * MIB) writeSync(filler, Buffer.alloc(MIB));
    closeSync(filler);
  }

  /** Where a stage writes, and the size of that disk. */
  const places = {
    check: { place: ".kragle/work", size: "300m" },
    smoke: { place: ".kragle/work", size: "64m" },
    release: { place: "build/full/output", size: "300m" },
  };
  for (const [stage, { place, size }] of Object.entries(places)) {
    it(`in ${stage} is named, loses nothing, and the next up goes on`, async () => {
      const folder = clone.path(place);
      mkdirSync(folder, { recursive: true });
      const before = readdirSync(join(home, "store")).sort();
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=755`, "none", folder]);
      try {
        const run = Run.up(clone, "full", { more: ["--rebuild", stage] });
        // the others need more than there is
        if (stage === "smoke") await fillOnceWritten(folder, run);
        const { code, stderr } = await run.ended;
        assert.equal(code, 3, stderr);
        assert.match(stderr, /is full|No space left on device|has [^ ]+ MiB free/);
        assert.match(stderr, /next: free space/);
        assert.doesNotMatch(stderr, / at .*\.ts:/);
        if (stage !== "release") assertEvidence(evidenceFolder(stderr, clone.folder), "stage.log");
        const left = readdirIfThere(folder).filter((name) => name !== "filler");
        assert.deepEqual(left, []);
      } finally {
        execFileSync("umount", [folder]);
      }
      await assertNothingLeaked(home, { project: clone.folder });
      assert.deepEqual(readdirSync(join(home, "store")).sort(), before);
      const steps = await up();
      assert.equal(steps.image, "store");
      const verified = await clone.kragle(["verify", "-s", "full"]);
      assert.equal(verified.code, 0, verified.stderr);
      survived({ fault: "disk is full", where: stage });
    });
  }
});
