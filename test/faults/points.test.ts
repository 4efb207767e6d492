import assert from "node:assert/strict";
import { chmodSync, closeSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { point } from "../../plan/stages/point";
import { readManifest } from "../../store/manifest";
import type { Clone } from "../clone";
import { inSequence } from "../inSequence";
import { sha256 } from "../sha256";
import { sharedCloneInFullTier } from "../sharedClone";
import { resultsOf } from "./atWork";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked } from "./invariants";
import { Run } from "./run";

/** What happens to the point after the second step, in its folder, while nobody looks. */
const DAMAGES: Record<string, (folder: string) => void> = {
  "is cut short": (folder) => open(join(folder, "disk.qcow2"), (file) => ftruncateSync(file, 512)),
  "has another header": (folder) =>
    open(
      join(folder, "disk.qcow2"),
      (file) => void writeSync(file, Buffer.alloc(8, 0xff), 0, 8, 40),
    ),
  "has a torn manifest": (folder) =>
    open(join(folder, "manifest.json"), (file) => ftruncateSync(file, 20)),
  "is gone": (folder) => rmSync(folder, { recursive: true }),
};

function open(path: string, change: (file: number) => void): void {
  chmodSync(path, 0o644);
  const file = openSync(path, "r+");
  change(file);
  closeSync(file);
}

/** A real build of three steps, which goes on from its points whatever happens to them. */
describe("points of an image survive", function () {
  this.timeout(30 * 60_000);
  let clone: Clone;
  let home: string;
  let changes = 0;
  countFaults();
  inSequence();

  before(function () {
    clone = sharedCloneInFullTier(this);
    home = clone.path(".kragle");
    for (const name of ["one", "two"]) step(name, `echo ${name} >/srv/${name}`);
    changeLast();
    addStack();
  });

  const addStack = (settings = {}) =>
    clone.addStack("points", {
      ...{ provision: ["one.sh", "two.sh", "three.sh"], formats: [], smoke: "none" },
      ...settings,
    });
  const step = (name: string, text: string) =>
    writeFileSync(clone.path(`${name}.sh`), `#!/bin/sh\nset -eu\n${text}\n`);
  /** The last step becomes another one, so that the image is built anew. */
  const changeLast = () => step("three", `test -s /srv/one && echo ${++changes} >/srv/three`);
  const start = () => Run.up(clone, "points");

  async function finish(): Promise<string> {
    const { code, stderr } = await start().ended;
    assert.equal(code, 0, stderr);
    // the release before it, whose files this one has replaced, goes
    for (const command of ["verify -s points", "gc"]) {
      const { code: done, stderr: why } = await clone.kragle(command.split(" "));
      assert.equal(done, 0, why);
    }
    return stderr;
  }

  /** The folder of the point after a step, which is the only one with that script. */
  function pointAfter(name: string): string {
    const script = sha256(readFileSync(clone.path(`${name}.sh`)));
    const folders = resultsOf(home, point.stage).map((found) => join(home, "store", found));
    const { length, 0: only } = folders.filter((folder) =>
      JSON.stringify(readManifest(folder).description).includes(script),
    );
    assert.equal(length, 1, name);
    return only!;
  }

  /** Waits until the run has kept one more. */
  async function untilKept(run: Run): Promise<void> {
    const count = () => resultsOf(home, point.stage).length;
    const before = count();
    while (count() === before && !run.isOver) await sleep(100);
    assert.ok(!run.isOver, "it ended before it had kept one");
  }

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it(`${signal} of kragle right after one was kept, from which the next build goes on`, async () => {
      const run = start();
      await untilKept(run);
      run.signal(signal);
      await run.ended;
      const secondsToClean = await assertNothingLeaked(home, {
        ...{ project: clone.folder, since: run.faultAt! },
      });
      survived({ fault: `${signal} of kragle`, where: "image that takes points", secondsToClean });
    });
  }

  it("a build that goes on from what those had kept", async () => {
    assert.match(await finish(), /goes on from the point after step \d/);
  });

  for (const [what, damage] of Object.entries(DAMAGES)) {
    it(`one that ${what}: the build begins with the one before, and keeps a good one in its place`, async () => {
      damage(pointAfter("two"));
      changeLast();
      const told = await finish();
      assert.match(told, /goes on from the point after step 1 \(one\.sh\)/);
      await assertNothingLeaked(home, { project: clone.folder });
      survived({ fault: `point ${what}`, where: "image that goes on from points" });
      changeLast();
      assert.match(await finish(), /goes on from the point after step 2 \(two\.sh\)/);
    });
  }

  it("a bound that leaves no room for them", async () => {
    addStack({ points: "1 MiB" });
    changeLast();
    await finish();
    await assertNothingLeaked(home, { project: clone.folder });
    survived({ fault: "no room for points", where: "image that takes points" });
  });
});
