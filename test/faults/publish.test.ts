import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";

import { buildSync } from "esbuild";

import { packageFolder } from "../../host/project";
import { stageKey } from "../../plan/description";
import { collectGarbage } from "../../store/gc";
import { isFullTier } from "../fullTier";
import { TemporaryStore } from "../temporaryStore";
import { countFaults, survived } from "./figures";
import { assertNothingHalf, readdirIfThere } from "./invariants";

describe("a publication that is killed", function () {
  this.timeout(300_000);
  // below the package: what is built of it looks upwards for its files
  const folder = mkdtempSync(join(packageFolder, ".kragle", "kragle-publish-"));
  const program = join(folder, "publishChild.js");
  let at: TemporaryStore;
  countFaults();

  before(() => {
    const entry = join(__dirname, "publishChild.ts");
    buildSync({ entryPoints: [entry], outfile: program, bundle: true, platform: "node" });
  });
  beforeEach(() => (at = new TemporaryStore()));
  afterEach(() => at.remove());
  after(() => rmSync(folder, { recursive: true }));

  const description = { stage: "image", version: 1, inputs: {}, upstream: {} };
  const publish = (before: number) => {
    const args = [program, at.home, "image", stageKey(description), String(before)];
    return spawnSync(process.execPath, args, { encoding: "utf8" });
  };
  const state = async () => (await at.store.lookup("image", stageKey(description))).state;

  /** Kills a publication before each of its steps, every time from the same state. */
  async function killEverywhere(prepare: () => void, allowed: readonly string[]): Promise<number> {
    for (let step = 1; ; step++) {
      at.remove();
      at = new TemporaryStore();
      prepare();
      const { signal, status, stdout, stderr } = publish(step);
      if (signal === null) {
        assert.equal(status, 0, stderr);
        assert.equal(Number(stdout), step - 1, "the last step was not the last");
        return step - 1;
      }
      const found = await state();
      assert.ok(allowed.includes(found), `before step ${step}: ${found}`);
      // the next run finishes, and garbage collection takes what this one left
      assert.equal(publish(0).status, 0, `after step ${step}`);
      assert.equal(await state(), "present");
      await assertNothingHalf(at.home);
      await collectGarbage(at.store, false);
      for (const place of ["store", "work", "trash"]) {
        assert.deepEqual(readdirIfThere(join(at.home, place)), [], place);
      }
      survived({ fault: "kill between two steps of a publication", where: "store" });
    }
  }

  it("between any two steps leaves all of an artifact or nothing", async function () {
    if (!isFullTier) this.skip();
    const steps = await killEverywhere(() => undefined, ["missing", "present"]);
    assert.ok(steps > 15, `only ${steps} steps`);
  });

  it("while it replaces an artifact never leaves half of either", async () => {
    await killEverywhere(() => assert.equal(publish(0).status, 0), ["missing", "present"]);
  });

  it("while it replaces a damaged one does not make it look whole", async function () {
    if (!isFullTier) this.skip();
    const prepare = () => {
      assert.equal(publish(0).status, 0);
      const file = join(at.store.folder("image", stageKey(description)), "image.qcow2");
      truncateSync(file, 3);
      assert.equal(readFileSync(file, "utf8"), "the");
    };
    await killEverywhere(prepare, ["damaged", "missing", "present"]);
  });
});
