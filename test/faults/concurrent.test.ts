import assert from "node:assert/strict";
import { join } from "node:path";

import { Clone, jsonOf } from "../clone";
import { sharedCloneInFullTier } from "../sharedClone";
import { resultsOf } from "./atWork";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked } from "./invariants";
import { type Ended, Run } from "./run";

/** A memory that no other stack has makes an image stage of its own; its base is everybody's. */
const memory = (mebibytes: number) => ({ memory: `${mebibytes} MiB` });

describe("builds at the same time", function () {
  this.timeout(20 * 60_000);
  let clone: Clone;
  let home: string;
  countFaults();

  before(async function () {
    clone = sharedCloneInFullTier(this);
    home = clone.path(".kragle");
    await imageOf(Run.up(clone, "dev"));
  });

  /** The digest of the image, once the run has ended well. */
  async function imageOf(run: Run): Promise<string> {
    const ended: Ended = await run.ended;
    assert.equal(ended.code, 0, ended.stderr);
    return jsonOf<{ outputs: { imageSha256: string } }>(ended).outputs.imageSha256;
  }

  /** What the runs build, which must be one image, built once. */
  async function buildOnce(stacks: readonly string[]): Promise<void> {
    const before = resultsOf(home, "image").length;
    const images = await Promise.all(stacks.map((stack) => imageOf(Run.up(clone, stack))));
    assert.equal(new Set(images).size, 1);
    assert.equal(resultsOf(home, "image").length, before + 1);
    await assertNothingLeaked(home, { project: clone.folder });
    for (const stack of new Set(stacks)) {
      const verified = await clone.kragle(["verify", "-s", stack]);
      assert.equal(verified.code, 0, verified.stderr);
    }
  }

  it("of two stacks share what they can", async () => {
    clone.addStack("one", { ...memory(1152), formats: ["raw.zst"] });
    clone.addStack("two", { ...memory(1152), formats: ["vdi"] });
    await buildOnce(["one", "two"]);
    survived({ fault: "two stacks at once", where: "every stage" });
  });

  it("of one stack do everything once", async () => {
    clone.addStack("same", { ...memory(1088), formats: ["raw.zst"] });
    await buildOnce(["same", "same"]);
    survived({ fault: "two runs of one stack at once", where: "every stage" });
  });

  it("of two clones do not see each other", async () => {
    const other = new Clone();
    try {
      clone.addStack("mine", memory(1216));
      other.addStack("mine", memory(1216));
      const [mine, others] = [Run.up(clone, "mine"), Run.up(other, "mine")];
      await Promise.all([imageOf(mine), imageOf(others)]);
      assert.equal(resultsOf(other.path(".kragle"), "image").length, 1);
      for (const { folder } of [clone, other]) {
        await assertNothingLeaked(join(folder, ".kragle"), { project: folder });
      }
      survived({ fault: "two clones at once", where: "every stage" });
    } finally {
      other.remove();
    }
  });
});
