import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { type Clone, jsonOf } from "../clone";
import { canLoop } from "../docker/smallDisk";
import { sharedClone } from "../sharedClone";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, readdirIfThere } from "./invariants";
import { Run } from "./run";

const MIB = 2 ** 20;

/** The stages of a built image that write; base, image and convert have such tests of their own. */
describe("a disk that fills up under a built image", function () {
  this.timeout(20 * 60_000);
  let clone: Clone;
  let home: string;
  countFaults();

  before(async function () {
    if (!process.env.KRAGLE_TEST_FULL || !canLoop()) this.skip();
    clone = sharedClone();
    home = clone.path(".kragle");
    clone.addStack("full", { formats: ["raw"] });
    await up();
  });

  const start = (...more: string[]) =>
    Run.start(home, ["up", "-s", "full", "--engine", "embedded", "--json", ...more], {
      folder: clone.folder,
    });

  async function up(): Promise<Record<string, string>> {
    const ended = await start().ended;
    assert.equal(ended.code, 0, ended.stderr);
    return jsonOf<{ steps: Record<string, string> }>(ended).steps;
  }

  /** Waits until a file below the folder has bytes, then takes all the room that is left. */
  async function fillOnceWritten(folder: string, over: () => boolean): Promise<void> {
    const used = () =>
      Number(execFileSync("du", ["-sB1", folder], { encoding: "utf8" }).split("\t")[0]);
    while (used() < MIB) {
      if (over()) return;
      await sleep(20);
    }
    const filler = openSync(join(folder, "filler"), "w");
    try {
      for (;;) writeSync(filler, Buffer.alloc(MIB));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    } finally {
      closeSync(filler);
    }
  }

  const places = { check: ".kragle/work", smoke: ".kragle/work", release: "build/full/output" };
  for (const [stage, place] of Object.entries(places)) {
    it(`in ${stage} is named, loses nothing, and the next up goes on`, async () => {
      const folder = clone.path(place);
      mkdirSync(folder, { recursive: true });
      const before = readdirSync(join(home, "store")).sort();
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2g,mode=755", "none", folder]);
      try {
        const run = start("--rebuild", stage);
        let over = false;
        void run.ended.then(() => (over = true));
        await fillOnceWritten(folder, () => over);
        const { code, stderr } = await run.ended;
        assert.equal(code, 3, stderr);
        assert.match(stderr, /is full|No space left on device/);
        assert.match(stderr, /next: .*make room|next: .*has room/);
        assert.doesNotMatch(stderr, / at .*\.ts:/);
        if (stage !== "release") assertEvidence(stderr, "stage.log");
        assert.deepEqual(readdirIfThere(folder), ["filler"]);
      } finally {
        execFileSync("umount", [folder]);
      }
      const secondsToClean = await assertNothingLeaked(home, clone.folder);
      assert.deepEqual(readdirSync(join(home, "store")).sort(), before);
      const steps = await up();
      assert.equal(steps.image, "store");
      const verified = await clone.kragle(["verify", "-s", "full"]);
      assert.equal(verified.code, 0, verified.stderr);
      survived({ fault: "disk is full", where: stage, secondsToClean });
    });
  }

  it("is no matter for two stacks that are built at once, and share what they can", async () => {
    // another memory makes another image stage, which is to be built once for both
    const common = { memory: "1152 MiB" };
    clone.addStack("one", { ...common, formats: ["raw.zst"] });
    clone.addStack("two", { ...common, formats: ["vdi"] });
    const images = () => readdirSync(join(home, "store")).filter((name) => /^image-/.test(name));
    const before = images().length;
    const args = (stack: string) => ["up", "-s", stack, "--engine", "embedded", "--json"];
    const runs = ["one", "two"].map((stack) =>
      Run.start(home, args(stack), { folder: clone.folder }),
    );
    const digests = new Set<string>();
    for (const run of runs) {
      const ended = await run.ended;
      assert.equal(ended.code, 0, ended.stderr);
      digests.add(jsonOf<{ outputs: { imageSha256: string } }>(ended).outputs.imageSha256);
    }
    assert.equal(digests.size, 1);
    assert.equal(images().length, before + 1);
    await assertNothingLeaked(home, clone.folder);
    survived({ fault: "two stacks at once", where: "every stage" });
  });
});
