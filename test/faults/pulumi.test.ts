import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { findPulumi } from "../../engine/choose";
import { docker } from "../../stages/container";
import { Clone } from "../clone";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked, processesOf, readdirIfThere } from "./invariants";
import { Run } from "./run";

describe("an up by the Pulumi CLI that is killed", function () {
  this.timeout(15 * 60_000);
  let clone: Clone;
  let home: string;
  countFaults();

  before(async function () {
    if (!process.env.KRAGLE_TEST_FULL) this.skip();
    if (!(await findPulumi())) {
      console.log("      skipped: there is no Pulumi CLI on PATH");
      this.skip();
    }
    clone = new Clone();
    home = clone.path(".kragle");
    clone.addStack("dev", {});
  });
  after(() => clone?.remove());

  /** Starts an update and waits until base's container runs. */
  async function untilBase(): Promise<Run> {
    const run = Run.start(home, ["up", "-s", "dev", "--engine", "pulumi", "--json"], {
      folder: clone.folder,
      environment: { PULUMI_SKIP_UPDATE_CHECK: "true" },
    });
    let over = false;
    void run.ended.then(() => (over = true));
    for (;;) {
      const [work] = readdirIfThere(join(home, "work")).filter((name) => name.startsWith("base-"));
      const label = [`kragle.key=${work?.slice(5)}`];
      if (work && (await docker.listContainers({ filters: { label } })).length > 0) return run;
      if (over) throw new Error((await run.ended).stderr);
      await sleep(100);
    }
  }

  const cli = () => {
    const found = processesOf(home).find((line) => /^process \d+ (\S*\/)?pulumi up/.test(line));
    assert.ok(found, `no pulumi among\n${processesOf(home).join("\n")}`);
    return Number(found.split(" ")[1]);
  };

  const faults: Record<string, (run: Run) => void> = {
    "SIGKILL of kragle": (run) => run.signal("SIGKILL"),
    "SIGTERM of kragle": (run) => run.signal("SIGTERM"),
    "SIGINT of kragle": (run) => run.signal("SIGINT"),
    "SIGKILL of the Pulumi CLI": (run) => run.killProcess(cli(), "SIGKILL"),
    "SIGTERM of the Pulumi CLI": (run) => run.killProcess(cli(), "SIGTERM"),
  };
  // each begins where the one before was killed: with a stack that may still be locked
  for (const [fault, inflict] of Object.entries(faults)) {
    it(`by ${fault} leaves nothing, and the next one runs`, async () => {
      const run = await untilBase();
      inflict(run);
      const { code } = await run.ended;
      assert.notEqual(code, 0);
      const left = { project: clone.folder, since: run.faultAt! };
      const secondsToClean = await assertNothingLeaked(home, left);
      const stored = readdirIfThere(join(home, "store")).filter((name) => name.startsWith("base-"));
      assert.deepEqual(stored, []);
      assert.ok(readdirSync(home).includes("id"));
      survived({ fault, where: "base, Pulumi CLI", secondsToClean });
    });
  }
});
