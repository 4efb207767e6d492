import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { listFiles } from "../../host/files";
import { canLoop } from "../docker/smallDisk";
import { itInFullTier } from "../fullTier";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, evidenceFolder, readdirIfThere } from "./invariants";
import { Run } from "./run";
import { guestForEach } from "./tinyGuest";

const SILENT = "its console has said nothing for (\\d+) s";
const STUCK = 'for (\\d+) s its console has only said that it is stuck: "watchdog: .*"';

/** The guest was started twice, and not before it had stood still for those seconds; a busy machine looks later. */
function assertStartedOnceMore(stderr: string, phase: string, how: string, seconds: number) {
  const [, measured] = new RegExp(`the guest froze: ${how}; .* once more`).exec(stderr) ?? [];
  assert.ok(Number(measured) >= seconds, stderr);
  assert.equal(stderr.match(new RegExp(`^» ${phase}`, "gm"))?.length, 2, stderr);
}

describe("the image stage survives", function () {
  this.timeout(300_000);
  const guest = guestForEach();
  countFaults();

  it("a guest that panics", async () => {
    const words = "[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs";
    const ended = await guest().fail({ words });
    assert.match(ended.stderr, /the kernel panicked before the guest answered on SSH/);
    assert.match(ended.stderr, /Unable to mount root fs/);
    assert.match(ended.stderr, /its screen: logs\/screen\.png/);
    assertEvidence(evidenceFolder(ended.stderr), "serial.log", "packer.log", "screen.png");
    await guest().assertSurvived("guest panics", ended);
  });

  it("a guest that reboots for ever", async () => {
    const ended = await guest().fail({ then: "reboot" });
    assert.match(
      ended.stderr,
      /powered off or rebooted by itself before the guest answered on SSH/,
    );
    await guest().assertSurvived("guest reboots for ever", ended);
  });

  it("a guest that never starts SSH", async () => {
    const timeouts = { whole: 60, progress: 60, ssh: 0.6, script: 30, shutdown: 30 };
    const ended = await guest().fail({ then: "repeat", change: { timeouts } });
    assert.match(ended.stderr, /did not answer on SSH in time/);
    await guest().assertSurvived("guest never starts SSH", ended);
  });

  it("a guest that hangs", async () => {
    const timeouts = { whole: 60, progress: 1, ssh: 60, script: 30, shutdown: 30 };
    const ended = await guest().fail({ change: { timeouts } });
    assert.match(
      ended.stderr,
      /for 10(\.0)? s nothing was printed, and neither disk nor console moved/,
    );
    assert.match(ended.stderr, /"progress"/);
    // the picture that was taken before the clock ended it
    assertEvidence(evidenceFolder(ended.stderr), "serial.log", "screen.png");
    await guest().assertSurvived("guest hangs", ended);
  });

  it("a guest that freezes: it is started once more", async () => {
    const timeouts = { whole: 60, progress: 60, ssh: 3, script: 30, shutdown: 30 };
    const ended = await guest().fail({ words: "[    0.000000] Linux", change: { timeouts } });
    assertStartedOnceMore(ended.stderr, "start guest", SILENT, 3);
    assert.match(ended.stderr, /the guest froze: .* before the guest answered on SSH/);
    await guest().assertSurvived("guest freezes", ended);
  });

  const stuck = "[   64.605802] watchdog: BUG: soft lockup - CPU#0 stuck for 45s! [modprobe:190]";

  it("a guest that is stuck, and says so again and again: it is started once more", async () => {
    const timeouts = { whole: 60, progress: 60, ssh: 3, script: 30, shutdown: 30 };
    const ended = await guest().fail({ words: stuck, then: "repeat", change: { timeouts } });
    assertStartedOnceMore(ended.stderr, "start guest", STUCK, 3);
    await guest().assertSurvived("guest freezes", ended);
  });

  itInFullTier(
    "a guest that is stuck while it proves itself: it is started once more",
    async () => {
      const request = await guest().proofCall(stuck, "repeat");
      const ended = await Run.stage(guest().at.home, request).ended;
      assert.equal(ended.code, 1, ended.stderr);
      assertStartedOnceMore(ended.stderr, "wait for the login prompt", STUCK, 4);
      await assertNothingLeaked(guest().at.home);
      survived({ fault: "guest freezes", where: "smoke" });
    },
  );

  it("a guest that freezes while it proves itself: it is started once more", async () => {
    const request = await guest().proofCall("[    0.000000] Linux version 6.1", "hang");
    const ended = await Run.stage(guest().at.home, request).ended;
    assert.equal(ended.code, 1, ended.stderr);
    assertStartedOnceMore(ended.stderr, "wait for the login prompt", SILENT, 4);
    assert.match(ended.stderr, /the image did not pass its boot \(BIOS\): the guest froze/);
    assertEvidence(evidenceFolder(ended.stderr), "serial.log", "failure.png");
    await assertNothingLeaked(guest().at.home);
    survived({ fault: "guest freezes", where: "smoke" });
  });

  it("a build that takes longer than it may", async () => {
    const timeouts = { whole: 0.8, progress: 60, ssh: 60, script: 30, shutdown: 30 };
    const ended = await guest().fail({ then: "repeat", change: { timeouts } });
    assert.match(ended.stderr, /did not finish within 8(\.0)? s/);
    await guest().assertSurvived("stage too slow", ended);
  });

  it("a disk that the guest fills", async function () {
    if (!canLoop()) this.skip();
    await guest().publish("hello", "write");
    const work = join(guest().at.home, "work");
    mkdirSync(work, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m,mode=755", "none", work]);
    try {
      const ended = await Run.stage(guest().at.home, guest().call()).ended;
      assert.match(ended.stderr, /the disk of .* is full/);
      assert.equal(ended.code, 3, ended.stderr);
      assert.deepEqual(readdirIfThere(work), []);
    } finally {
      execFileSync("umount", [work]);
    }
    await assertNothingLeaked(guest().at.home);
    survived({ fault: "disk is full", where: "image" });
  });

  it("a guest that tells a secret, before it panics", async () => {
    const secret = "c4n4ry/of+this run";
    const base64 = Buffer.from(`u:${secret}`).toString("base64");
    const words = `password ${secret}\r\nbasic ${base64}\r\nKernel panic - not syncing: x`;
    const ended = await guest().fail({ words, environment: { KRAGLE_SECRET_canary: secret } });
    assert.match(ended.stderr, /password \*\*\*/);
    const told = [ended.stderr];
    for (const name of await listFiles(guest().at.home)) {
      told.push(readFileSync(join(guest().at.home, name), "latin1"));
    }
    // base's own disk holds the words: they are the guest's program
    const disk = told.filter((text) => text.startsWith("QFI"));
    for (const text of told.filter((other) => !disk.includes(other))) {
      for (const form of [secret, base64.slice(4, -4)]) assert.ok(!text.includes(form), text);
    }
    assert.equal(disk.length, 1);
    await guest().assertSurvived("guest tells a secret", ended);
  });
});
