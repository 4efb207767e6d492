import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Guard } from "../../executors/guard";
import { LogFile } from "../../host/logFile";
import { PhaseClock } from "../../run/phaseClock";

const HOUR = 3_600_000;

describe("limits and durations, when the machine's clock is set", () => {
  const real = Date.now;
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle clocks "))));
  afterEach(() => {
    Date.now = real;
    rmSync(folder, { recursive: true });
  });
  const jump = (ms: number) => (Date.now = () => real() + ms);

  it("do not end what has time left, where the clock jumps ahead", async () => {
    let ended = false;
    const limits = { deadlineSeconds: 3600, silenceSeconds: 3600, folder };
    const guard = new Guard(limits, () => (ended = true));
    jump(2 * HOUR);
    await sleep(2500);
    guard.stop();
    assert.equal(ended, false, guard.failure?.message);
  });

  for (const limit of ["deadlineSeconds", "silenceSeconds"] as const) {
    it(`end what has none, where the clock jumps back (${limit})`, async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const guard = new Guard({ deadlineSeconds: 3600, [limit]: 1, folder }, resolve);
      jump(-48 * HOUR);
      const inTime = await Promise.race([promise.then(() => true), sleep(8000, false)]);
      guard.stop();
      assert.ok(inTime);
    });
  }

  it("are those of the stage, not of the clock", () => {
    const clock = new PhaseClock(() => undefined, new LogFile(join(folder, "log")));
    clock.line("» first");
    jump(-48 * HOUR);
    clock.line("» second");
    jump(2 * HOUR);
    const { seconds, phases } = clock.stop();
    for (const measured of [seconds, ...phases.map((phase) => phase.seconds)]) {
      assert.ok(measured >= 0 && measured < 60, `${measured} s`);
    }
  });
}).timeout(20_000);
