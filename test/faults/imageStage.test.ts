import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { openPort } from "../openPort";
import { QEMU } from "./atWork";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked } from "./invariants";
import { Run } from "./run";
import { guestForEach } from "./tinyGuest";

describe("a build by Packer survives", function () {
  this.timeout(300_000);
  const guest = guestForEach();
  countFaults();

  const programs = { QEMU, Packer: /^packer build/ };
  for (const [name, program] of Object.entries(programs)) {
    it(`a ${name} that is killed`, async () => {
      let took = 0;
      const ended = await guest().fail({
        then: "repeat",
        during: async (run, key) => {
          run.killProcess(await run.processIn(guest().at.store.id, key, program), "SIGKILL");
          await run.ended;
          took = Date.now() - run.faultAt!;
        },
      });
      assert.match(
        ended.stderr,
        name === "QEMU" ? /QEMU ended with exit code 137 \(killed/ : /packer ended/,
      );
      // noticed within two seconds; the rest is for ending a container on a loaded machine
      assert.ok(took < 20_000, `${took} ms`);
      await guest().assertSurvived(`${name} is killed`, ended);
    });
  }

  it("a container that is killed", async () => {
    const ended = await guest().fail({
      then: "repeat",
      during: async (run, key) => {
        await run.processIn(guest().at.store.id, key, programs.QEMU);
        await run.killContainer(await run.container(guest().at.store.id, key));
      },
    });
    await guest().assertSurvived("container is killed", ended);
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
    it(`${signal} of kragle`, async () => {
      const ended = await guest().fail({
        then: "repeat",
        during: async (run, key) => {
          await run.processIn(guest().at.store.id, key, programs.QEMU);
          run.signal(signal);
        },
      });
      if (signal !== "SIGKILL") assert.match(ended.stderr, /it was interrupted/);
      await guest().assertSurvived(`${signal} of kragle`, ended, signal === "SIGKILL" ? null : 1);
    });
  }

  it("a VNC port that is taken", async () => {
    const { port, close } = await openPort("127.0.0.1");
    const ended = await guest().fail({ change: { vnc: port } });
    close();
    assert.match(ended.stderr, new RegExp(`${port}.*(already allocated|already in use)`));
    assert.match(ended.stderr, /"vnc"/);
    await guest().assertSurvived("VNC port is taken", ended, 3);
  });

  it("a KVM that opens and does not work", async function () {
    if (!existsSync("/dev/kvm")) this.skip();
    const ended = await guest().fail({
      change: { accelerator: "kvm" },
      words: "Kernel panic - not syncing",
    });
    // where KVM works, the guest has its say
    if (ended.code === 1) return guest().assertSurvived("KVM works", ended);
    assert.match(ended.stderr, /KVM cannot be used: .+/);
    assert.match(ended.stderr, /set accelerator to auto/);
    assert.equal(ended.code, 3);
    await assertNothingLeaked(guest().at.home);
    survived({ fault: "KVM opens and does not work", where: "image" });
  });

  it("a script with Windows line ends", async () => {
    await guest().publish("hello", "hang");
    const scripts = { "50-1-my script.sh": "#!/bin/sh\r\necho hello\r\n" };
    const ended = await Run.stage(guest().at.home, guest().call({}, scripts)).ended;
    assert.match(ended.stderr, /"50-1-my script\.sh" has Windows line ends/);
    await guest().assertSurvived("script with CRLF and a blank in its name", ended);
  });
});
