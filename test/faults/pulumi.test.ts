import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";

import { findPulumi } from "../../engine/choose";
import { Clone } from "../clone";
import { isFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import {
  assertNoneUnfinished,
  PROGRAMS,
  resultsOf,
  untilAtWork,
  untilReleaseCopies,
} from "./atWork";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked, processesOf } from "./invariants";
import { Run } from "./run";

describe("an up by the Pulumi CLI that is killed", function () {
  this.timeout(30 * 60_000);
  let clone: Clone;
  let home: string;
  let temporary: string;
  countFaults();
  inSequence();

  before(async function () {
    if (!isFullTier) this.skip();
    if (!(await findPulumi())) {
      console.log("      skipped: there is no Pulumi CLI on PATH");
      this.skip();
    }
    clone = new Clone();
    home = clone.path(".kragle");
    clone.addStack("dev", { formats: ["raw"] });
    temporary = clone.path("temporary");
    mkdirSync(temporary);
  });
  after(() => clone?.remove());

  const output = () => clone.path("build/dev/output");

  const up = () => Run.up(clone, "dev", { engine: "pulumi", environment: { TMPDIR: temporary } });

  /** Starts an update and waits until the stage is at work. */
  async function untilStage(stage: string): Promise<Run> {
    const run = up();
    if (stage === "release") await untilReleaseCopies(run, output());
    else await untilAtWork(run, home, stage, PROGRAMS[stage as keyof typeof PROGRAMS]);
    return run;
  }

  const cli = () => {
    const found = processesOf(home).find((line) => /^process \d+ (\S*\/)?pulumi up/.test(line));
    assert.ok(found, `no pulumi among\n${processesOf(home).join("\n")}`);
    return Number(found.split(" ")[1]);
  };

  const faults: Record<string, (run: Run) => void> = {
    "SIGKILL of the Pulumi CLI": (run) => run.killProcess(cli(), "SIGKILL"),
    "SIGTERM of the Pulumi CLI": (run) => run.killProcess(cli(), "SIGTERM"),
    "SIGINT of the Pulumi CLI": (run) => run.killProcess(cli(), "SIGINT"),
  };
  const faultsOfKragle: typeof faults = {
    "SIGKILL of kragle": (run) => run.signal("SIGKILL"),
    "SIGTERM of kragle": (run) => run.signal("SIGTERM"),
    "SIGINT of kragle": (run) => run.signal("SIGINT"),
  };
  for (const stage of [...Object.keys(PROGRAMS), "release"]) {
    // each begins where the one before was killed: with a stack that may still be locked
    const all = { ...faults, ...(stage === "base" ? faultsOfKragle : {}) };
    for (const [fault, inflict] of Object.entries(all)) {
      it(`by ${fault} in ${stage} leaves nothing, and the next one runs`, async () => {
        const run = await untilStage(stage);
        inflict(run);
        const { code } = await run.ended;
        assert.notEqual(code, 0);
        const left = { project: clone.folder, since: run.faultAt! };
        const secondsToClean = await assertNothingLeaked(home, left);
        await assertNoneUnfinished(output());
        assert.deepEqual(resultsOf(home, stage), [], `${stage} was published all the same`);
        // the CLI leaves some of its own there
        await assertNoneUnfinished(temporary, "kragle-");
        survived({ fault, where: `${stage} (CLI)`, secondsToClean });
      });
    }
  }

  it("ends well when nobody kills it any more, and goes on where it was", async () => {
    const { code, stderr } = await up().ended;
    assert.equal(code, 0, stderr);
    const verified = await clone.kragle(["verify", "-s", "dev"]);
    assert.equal(verified.code, 0, verified.stderr);
    await assertNothingLeaked(home, { project: clone.folder });
  });
});
