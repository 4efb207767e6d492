import assert from "node:assert/strict";

import { planBoots } from "../../stages/smoke/boots";
import { BootFailure, climb } from "../../stages/smoke/climb";
import { explainBoot } from "../../stages/smoke/explainBoot";
import type { ChannelName } from "../../plan/imageSpec";
import { type AskedRung, CHANNELS, KERNEL, LOGIN, running } from "../../stages/smoke/rungs";
import type { Rung } from "../../stages/smoke/ladder";
import { TestsFailed } from "../../stages/smoke/userTests";
import { done, FakeGuest } from "./fakeGuest";

const WAIT = "systemctl is-system-running --wait";
const FAILED = "systemctl list-units --failed --plain --no-legend --full";
const JOURNAL = "journalctl -b -u app.service -n 6 -o cat --no-pager";

const quick = (by: ChannelName): Rung[] => [KERNEL, LOGIN, CHANNELS[by], running(by)];

function run(guest: FakeGuest, rungs: readonly Rung[] = quick("agent")) {
  const waits: string[] = [];
  const promise = climb(
    guest,
    { rungs, deadlineSeconds: 60 },
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
    assert.deepEqual([...new Set(guest.asked)], ["agent"]);
  });

  it("asks by SSH where that is the channel", async () => {
    const guest = new FakeGuest({ [WAIT]: done("running\n") });
    const { seconds } = await run(guest, quick("ssh")).promise;
    assert.deepEqual(Object.keys(seconds), ["kernel", "login", "ssh", "running", "poweroff"]);
    assert.deepEqual([...new Set(guest.asked)], ["ssh"]);
  });

  it("tries all channels at once, and again until they open", async () => {
    const guest = new FakeGuest({ [WAIT]: done("running\n") });
    guest.closed.agent = 1;
    const rungs = [KERNEL, LOGIN, CHANNELS.agent, CHANNELS.ssh, running("agent")];
    const { seconds } = await run(guest, rungs).promise;
    assert.ok(seconds.ssh! < seconds.agent!, JSON.stringify(seconds));
  });

  it("gathers what the rungs found out", async () => {
    const finding = (name: string, found: object): AskedRung => ({
      ...{ name, title: name },
      ask: () => Promise.resolve(found),
    });
    const rungs = [KERNEL, LOGIN, finding("a", { a: 1 }), finding("b", { b: [2] })];
    const { findings } = await run(new FakeGuest({}), rungs).promise;
    assert.deepEqual(findings, { a: 1, b: [2] });
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

  it("says what to do about the user's tests that failed, where the console says nothing of it", async () => {
    const guest = new FakeGuest({}, "Linux version 6\nhost login: ");
    const ask = () => Promise.reject(new TestsFailed("1 of 1 of the user's tests did not pass"));
    const rungs = [KERNEL, LOGIN, { name: "tests", title: "tests", ask }];
    const [boot] = planBoots(
      { proof: "quick", channel: "agent", firmware: ["bios"], diskBytes: 1 },
      () => assert.fail(),
    );
    const failed = (await run(guest, rungs).promise.catch(
      (error: unknown) => error,
    )) as BootFailure;
    const { message, details } = explainBoot(boot!, failed);
    assert.match(message, /BIOS.*: 1 of 1 of the user's tests did not pass\nreached: /);
    assert.doesNotMatch(message, /console/);
    assert.match(details.hint!, /^mend the test, .* is in test-N\.log; the image itself is kept/);
    assert.match(explainBoot(boot!, new BootFailure("x", failed.progress)).message, /console/);
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
