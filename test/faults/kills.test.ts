import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { readManifest } from "../../store/manifest";
import { Clone, jsonOf } from "../clone";
import { isFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import {
  assertNoneUnfinished,
  PROGRAMS,
  QEMU,
  resultsOf,
  untilAtWork,
  untilReleaseCopies,
} from "./atWork";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked, readdirIfThere } from "./invariants";
import { Run } from "./run";

const STAGES = Object.entries({ ...PROGRAMS, release: undefined });

const QEMU_ENDS = { runsAs: QEMU, says: /QEMU ended with exit code 137/ };
const PACKER_ENDS = { runsAs: /^packer build/, says: /packer ended/ };

/** What else runs in a stage's container, and what is said when it is killed. */
const MACHINERY: Record<string, Record<string, typeof QEMU_ENDS>> = {
  image: { QEMU: QEMU_ENDS, Packer: PACKER_ENDS },
  smoke: { QEMU: QEMU_ENDS },
};

/** A real build that is killed again and again, in each stage in each way, and goes on each time where it was. */
describe("an up that is killed", function () {
  this.timeout(30 * 60_000);
  let clone: Clone;
  let home: string;
  /** When each finished stage was published; nothing may be published twice. */
  const publishedAt = new Map<string, string>();
  countFaults();
  inSequence();

  before(function () {
    if (!isFullTier) this.skip();
    clone = new Clone();
    home = clone.path(".kragle");
    clone.addStack("dev", { formats: ["raw"] });
  });
  after(() => clone?.remove());

  const output = () => clone.path("build/dev/output");
  const up = () => Run.up(clone, "dev");

  function rememberPublished(): void {
    for (const name of readdirIfThere(join(home, "store"))) {
      const { publishedAt: at } = readManifest(join(home, "store", name));
      assert.equal(publishedAt.get(name) ?? at, at, `${name} was made a second time`);
      publishedAt.set(name, at);
    }
  }

  /** Stages that do not need each other run at the same time: the next one may have finished while this one was killed. */
  function forget(stage: string): void {
    for (const name of resultsOf(home, stage)) {
      rmSync(join(home, "store", name), { recursive: true });
      publishedAt.delete(name);
    }
  }

  async function assertSurvived(fault: string, stage: string, run: Run): Promise<void> {
    const left = { project: clone.folder, since: run.faultAt! };
    const secondsToClean = await assertNothingLeaked(home, left);
    rememberPublished();
    await assertNoneUnfinished(output());
    assert.deepEqual(resultsOf(home, stage), [], `${stage} was published all the same`);
    survived({ fault, where: stage, secondsToClean });
  }

  for (const [stage, program] of STAGES) {
    for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
      it(`by ${signal} in ${stage} leaves nothing`, async () => {
        forget(stage);
        const run = up();
        await (program
          ? untilAtWork(run, home, stage, program)
          : untilReleaseCopies(run, output()));
        run.signal(signal);
        const { code, stderr } = await run.ended;
        if (signal !== "SIGKILL") {
          assert.equal(code, signal === "SIGINT" ? 130 : 143, stderr);
          assert.match(stderr, /interrupted[^]*run the same command again/);
        }
        await assertSurvived(`${signal} of kragle`, stage, run);
      });
    }
    if (!program) continue;
    it(`by docker kill in ${stage} leaves nothing, and says so`, async () => {
      forget(stage);
      const run = up();
      const { container } = await untilAtWork(run, home, stage, program);
      await run.killContainer(container);
      const { code, stderr } = await run.ended;
      assert.equal(code, 1, stderr);
      assert.match(stderr, /exit code 137/);
      assert.match(stderr, /logs: /);
      await assertSurvived("container is killed", stage, run);
    });
    for (const [name, { runsAs, says }] of Object.entries(MACHINERY[stage] ?? {})) {
      it(`by the end of ${name} in ${stage} says so`, async () => {
        forget(stage);
        const run = up();
        run.killProcess((await untilAtWork(run, home, stage, runsAs)).pid, "SIGKILL");
        const { code, stderr } = await run.ended;
        assert.equal(code, 1, stderr);
        assert.match(stderr, says);
        assert.match(stderr, /logs: /);
        assert.ok(Date.now() - run.faultAt! < 30_000);
        await assertSurvived(`${name} is killed`, stage, run);
      });
    }
  }

  it("ends well when nobody kills it any more, without a second run of anything", async () => {
    const ended = await up().ended;
    assert.equal(ended.code, 0, ended.stderr);
    const { steps } = jsonOf<{ steps: Record<string, string> }>(ended);
    for (const stage of ["base", "image", "check", "convert-raw", "smoke"]) {
      assert.equal(steps[stage], "store", stage);
    }
    assert.equal(steps.release, "run");
    rememberPublished();
    await assertNothingLeaked(home, { project: clone.folder });
    assert.deepEqual(readdirSync(join(home, "work")), []);
    const verified = await clone.kragle(["verify", "-s", "dev"]);
    assert.equal(verified.code, 0, verified.stderr);
  });
});
