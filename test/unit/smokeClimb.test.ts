import assert from "node:assert/strict";

import { BootFailure, climb } from "../../stages/smoke/climb";
import type { Executed, Guest, GuestEvent } from "../../stages/smoke/guest";
import { QUICK_RUNGS } from "../../stages/smoke/rungs";

const done = (stdout: string, exitCode = 0): Executed => ({ exitCode, stdout, stderr: "" });

/** A guest that boots in no time and answers what a test wants. */
class FakeGuest implements Guest {
  readonly calls: string[] = [];
  tell: (event: GuestEvent) => void = () => undefined;

  constructor(
    private readonly answers: Readonly<Record<string, Executed>>,
    private readonly console = "Linux version 6\nlocalhost login: ",
  ) {}

  start(tell: (event: GuestEvent) => void) {
    this.tell = tell;
    setTimeout(() => tell({ kind: "console", text: this.console }), 5);
    return Promise.resolve();
  }

  ping() {
    return Promise.resolve();
  }

  execute(argv: readonly string[]) {
    const answer = this.answers[argv.join(" ")];
    return answer ? Promise.resolve(answer) : new Promise<Executed>(() => undefined);
  }

  screenshot(fileName: string) {
    this.calls.push(fileName);
    return Promise.resolve();
  }

  powerOff() {
    this.calls.push("power off");
    setTimeout(() => this.tell({ kind: "stopped", reason: "guest-shutdown" }), 5);
    return Promise.resolve();
  }

  destroy() {
    return Promise.resolve();
  }
}

const WAIT = "systemctl is-system-running --wait";
const FAILED = "systemctl list-units --failed --plain --no-legend --full";
const JOURNAL = "journalctl -b -u app.service -n 6 -o cat --no-pager";

function run(guest: Guest) {
  const waits: string[] = [];
  const promise = climb(
    guest,
    { rungs: QUICK_RUNGS, deadlineSeconds: 60 },
    {
      onWait: (title) => waits.push(title),
      screenshot: "login.png",
      failureScreenshot: "failure.png",
    },
  );
  return { promise, waits };
}

describe("climbing the boot ladder", () => {
  it("asks the guest, takes a picture, and powers it off", async () => {
    const guest = new FakeGuest({ [WAIT]: done("running\n") });
    const { promise, waits } = run(guest);
    const { seconds } = await promise;
    assert.deepEqual(Object.keys(seconds), ["kernel", "login", "agent", "running", "poweroff"]);
    assert.deepEqual(guest.calls, ["login.png", "power off"]);
    assert.equal(waits[0], "kernel");
    assert.equal(waits.at(-1), "power-off");
  });

  it("names the units that failed, with their journal", async () => {
    const guest = new FakeGuest({
      [WAIT]: done("degraded\n", 1),
      [FAILED]: done("app.service loaded failed failed The application\n"),
      [JOURNAL]: done("cannot open /etc/app.conf\n"),
    });
    await assert.rejects(run(guest).promise, (error: BootFailure) => {
      assert.match(
        error.message,
        /degraded\nfailed units: app\.service\n {2}app\.service: cannot open/,
      );
      return error instanceof BootFailure;
    });
    assert.deepEqual(guest.calls, ["failure.png"]);
  });

  it("gives up at once when the kernel panics, although the guest does not answer", async () => {
    const guest = new FakeGuest(
      {},
      "Linux version 6\nKernel panic - not syncing: VFS\nCall Trace:\n",
    );
    await assert.rejects(run(guest).promise, (error: BootFailure) => {
      assert.match(error.message, /the kernel panicked/);
      assert.ok(error.progress.console.includes("Call Trace:"));
      return true;
    });
  });

  it("gives up at once when the hypervisor ends", async () => {
    const guest = new FakeGuest({});
    const { promise } = run(guest);
    setTimeout(() => guest.tell({ kind: "stopped", reason: "QEMU ended with exit code 137" }), 20);
    await assert.rejects(promise, /QEMU ended with exit code 137/);
  });
});
