import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";

import { readManifest } from "../../store/manifest";
import { BuiltClones, type ReleasedImages } from "../builtClones";
import { type Clone, type Finished, jsonOf } from "../clone";
import { itInFullTier } from "../fullTier";
import { assertNoneUnfinished, resultsOf, untilReleaseCopies } from "./atWork";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked } from "./invariants";
import { Run } from "./run";

/** Which are released one by one, from results that are in the store. */
const NAMES = ["db", "files", "web"];

describe("a stack of several images survives", function () {
  this.timeout(300_000);
  const built = new BuiltClones();
  let clone: Clone;
  let home: string;
  countFaults();

  before(() => built.open());
  after(() => built.close());
  beforeEach(() => {
    clone = built.make();
    home = clone.path(".kragle");
    const images = NAMES.map((name) => [name, { imageName: `${name}.qcow2` }] as const);
    built.addStack(clone, "fleet", { images: Object.fromEntries(images) });
  });

  const start = () => Run.up(clone, "fleet", { environment: built.environment });
  const output = (name: string) => clone.path(`build/fleet/${name}/output`);

  async function released(): Promise<ReleasedImages["images"]> {
    const printed = await built.succeeds(clone, "outputs -s fleet --json");
    return (JSON.parse(printed) as ReleasedImages).images;
  }

  /** Each is whole, whichever of its releases it is. */
  async function assertWhole(): Promise<void> {
    for (const { imagePath } of Object.values(await released())) {
      const verified = await built.kragle(clone, ["verify", dirname(imagePath)]);
      assert.equal(verified.code, 0, verified.stderr);
    }
  }

  /** Takes a release out of the store: the next run makes it once more, in the place of its files. */
  function forget(name: string): void {
    const folders = resultsOf(home, "release").map((found) => join(home, "store", found));
    const own = folders.filter((folder) =>
      String(readManifest(folder).result.imagePath).endsWith(`/${name}.qcow2`),
    );
    assert.equal(own.length, 1);
    rmSync(own[0]!, { recursive: true });
  }

  async function finish(): Promise<Finished> {
    const ended = await start().ended;
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  }

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    (signal === "SIGTERM" ? itInFullTier : it)(
      `${signal} of kragle while it releases one of them for the second time`,
      async () => {
        await finish();
        forget("web");
        const run = start();
        await untilReleaseCopies(run, output("web"));
        run.signal(signal);
        const { code, stderr } = await run.ended;
        if (signal === "SIGTERM") assert.equal(code, 143, stderr);
        const secondsToClean = await assertNothingLeaked(home, {
          ...{ project: clone.folder, since: run.faultAt! },
        });
        for (const name of NAMES) await assertNoneUnfinished(output(name));
        await assertWhole();
        await finish();
        assert.deepEqual(Object.keys(await released()), NAMES);
        await assertWhole();
        survived({ fault: `${signal} of kragle`, where: "one of several images", secondsToClean });
      },
    );
  }

  it("two runs at once, each of another image", async () => {
    const environment = built.environment;
    const runs = ["web", "db"].map((name) => Run.up(clone, "fleet", { environment, more: [name] }));
    for (const run of runs) {
      const { code, stderr } = await run.ended;
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual(Object.keys(await released()).sort(), ["db", "web"]);
    await assertWhole();
    await assertNothingLeaked(home, { project: clone.folder });
    survived({ fault: "two runs of one stack at once", where: "one of several images" });
  });

  itInFullTier(
    "a released file that is gone, which is released again, and nothing else",
    async () => {
      await finish();
      const before = await released();
      rmSync(before.web!.imagePath);
      const { code, stderr } = await built.kragle(clone, ["verify", "-s", "fleet"]);
      assert.equal(code, 1, stderr);
      const { steps } = jsonOf<{ steps: Readonly<Record<string, string>> }>(await finish());
      const ran = Object.keys(steps).filter((step) => steps[step] === "run");
      assert.deepEqual(ran, ["web.release"]);
      const { web, ...others } = await released();
      assert.equal(web!.imageSha256, before.web!.imageSha256);
      assert.deepEqual(others, { db: before.db, files: before.files });
      await assertWhole();
      survived({ fault: "released file is gone", where: "one of several images" });
    },
  );
});
