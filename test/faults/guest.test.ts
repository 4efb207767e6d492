import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import type { StageRequest } from "../../stages/stage";
import { listFiles } from "../../store/files";
import { canLoop } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { type THEN, TinyGuest } from "./bootSector";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, readdirIfThere, evidenceFolder } from "./invariants";
import { type Ended, Run } from "./run";

describe("the image stage survives", function () {
  this.timeout(300_000);
  let guest: TinyGuest;
  countFaults();

  before(async function () {
    await toolsImage(this);
  });
  beforeEach(async function () {
    guest = new TinyGuest(await toolsImage(this));
  });
  afterEach(() => guest.room.remove());

  interface Fault {
    readonly words?: string;
    readonly then?: keyof typeof THEN;
    readonly change?: Record<string, unknown>;
    readonly environment?: NodeJS.ProcessEnv;
    readonly during?: (run: Run, key: string, request: StageRequest) => Promise<void>;
  }

  /** Runs the stage on a guest that does this, and `during` once the container runs. It has to fail. */
  async function fail(fault: Fault): Promise<Ended & { faultAt?: number }> {
    const { words = "hello", then = "hang", change, environment, during } = fault;
    await guest.publish(words, then);
    const request = guest.request(change);
    const run = Run.stage(guest.room.home, request, environment);
    await during?.(run, stageKey(request.description), request);
    const ended = await run.ended;
    assert.notEqual(ended.code, 0);
    return { ...ended, faultAt: run.faultAt };
  }

  async function assertSurvived(
    fault: string,
    ended: Ended & { faultAt?: number },
    code: number | null = 1,
  ) {
    const { home } = guest.room;
    assert.equal(ended.code, code, ended.stderr);
    const secondsToClean = await assertNothingLeaked(home, { since: ended.faultAt });
    if (code !== null) assertEvidence(evidenceFolder(ended.stderr), "stage.log", "container.log");
    const stored = readdirIfThere(join(home, "store")).filter((name) => name.startsWith("image-"));
    assert.deepEqual(stored, []);
    if (code !== null) assert.deepEqual(readdirIfThere(join(home, "work")), []);
    survived({ fault, where: "image", secondsToClean });
  }

  it("a guest that panics", async () => {
    const words = "[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs";
    const ended = await fail({ words });
    assert.match(ended.stderr, /the kernel panicked before the guest answered on SSH/);
    assert.match(ended.stderr, /Unable to mount root fs/);
    assert.match(ended.stderr, /its screen: logs\/screen\.png/);
    assertEvidence(evidenceFolder(ended.stderr), "serial.log", "packer.log", "screen.png");
    await assertSurvived("guest panics", ended);
  });

  it("a guest that reboots for ever", async () => {
    const ended = await fail({ then: "reboot" });
    assert.match(
      ended.stderr,
      /powered off or rebooted by itself before the guest answered on SSH/,
    );
    await assertSurvived("guest reboots for ever", ended);
  });

  it("a guest that never starts SSH", async () => {
    const timeouts = { whole: 60, progress: 60, ssh: 1, script: 30, shutdown: 30 };
    const ended = await fail({ then: "repeat", change: { timeouts } });
    assert.match(ended.stderr, /did not answer on SSH in time/);
    await assertSurvived("guest never starts SSH", ended);
  });

  it("a guest that hangs", async () => {
    const timeouts = { whole: 60, progress: 1.5, ssh: 60, script: 30, shutdown: 30 };
    const ended = await fail({ change: { timeouts } });
    assert.match(
      ended.stderr,
      /for 15(\.0)? s nothing was printed, and neither disk nor console moved/,
    );
    assert.match(ended.stderr, /"progress"/);
    // the picture that was taken before the clock ended it
    assertEvidence(evidenceFolder(ended.stderr), "serial.log", "screen.png");
    await assertSurvived("guest hangs", ended);
  });

  it("a guest that freezes: it is started once more", async () => {
    const timeouts = { whole: 60, progress: 60, ssh: 3, script: 30, shutdown: 30 };
    const ended = await fail({ words: "[    0.000000] Linux", change: { timeouts } });
    assert.match(
      ended.stderr,
      /the guest froze: its console has said nothing for 3 s; .* once more/,
    );
    assert.equal(ended.stderr.match(/^» start guest/gm)?.length, 2);
    assert.match(ended.stderr, /the guest froze: .* before the guest answered on SSH/);
    await assertSurvived("guest freezes", ended);
  });

  it("a guest that freezes while it proves itself: it is started once more", async () => {
    const request = await guest.proofRequest("[    0.000000] Linux version 6.1", "hang");
    const ended = await Run.stage(guest.room.home, request).ended;
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(
      ended.stderr,
      /the guest froze: its console has said nothing for [45] s; .* once more/,
    );
    assert.equal(ended.stderr.match(/^» wait for the login prompt/gm)?.length, 2, ended.stderr);
    assert.match(ended.stderr, /the image did not pass its boot \(BIOS\): the guest froze/);
    assertEvidence(evidenceFolder(ended.stderr), "serial.log", "failure.png");
    await assertNothingLeaked(guest.room.home);
    survived({ fault: "guest freezes", where: "smoke" });
  });

  it("a build that takes longer than it may", async () => {
    const timeouts = { whole: 0.8, progress: 60, ssh: 60, script: 30, shutdown: 30 };
    const ended = await fail({ then: "repeat", change: { timeouts } });
    assert.match(ended.stderr, /did not finish within 8(\.0)? s/);
    await assertSurvived("stage too slow", ended);
  });

  const programs = { QEMU: /^qemu-system.* -drive /, Packer: /^packer build/ };
  for (const [name, program] of Object.entries(programs)) {
    it(`a ${name} that is killed`, async () => {
      let took = 0;
      const ended = await fail({
        then: "repeat",
        during: async (run, key) => {
          run.killProcess(await run.processIn(guest.room.store.id, key, program), "SIGKILL");
          await run.ended;
          took = Date.now() - run.faultAt!;
        },
      });
      assert.match(
        ended.stderr,
        name === "QEMU" ? /QEMU ended with exit code 137/ : /packer ended/,
      );
      // noticed within two seconds; the rest is for ending a container on a loaded machine
      assert.ok(took < 20_000, `${took} ms`);
      await assertSurvived(`${name} is killed`, ended);
    });
  }

  it("a container that is killed", async () => {
    const ended = await fail({
      then: "repeat",
      during: async (run, key) => {
        await run.processIn(guest.room.store.id, key, programs.QEMU);
        await run.killContainer(await run.container(guest.room.store.id, key));
      },
    });
    await assertSurvived("container is killed", ended);
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
    it(`${signal} of kragle`, async () => {
      const ended = await fail({
        then: "repeat",
        during: async (run, key) => {
          await run.processIn(guest.room.store.id, key, programs.QEMU);
          run.signal(signal);
        },
      });
      if (signal !== "SIGKILL") assert.match(ended.stderr, /it was interrupted/);
      await assertSurvived(`${signal} of kragle`, ended, signal === "SIGKILL" ? null : 1);
    });
  }

  it("a VNC port that is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const ended = await fail({ change: { vnc: port } });
    server.close();
    assert.match(ended.stderr, new RegExp(`${port}.*(already allocated|already in use)`));
    assert.match(ended.stderr, /"vnc"/);
    await assertSurvived("VNC port is taken", ended, 3);
  });

  it("a KVM that opens and does not work", async function () {
    if (!existsSync("/dev/kvm")) this.skip();
    const ended = await fail({
      change: { accelerator: "kvm" },
      words: "Kernel panic - not syncing",
    });
    // where KVM works, the guest has its say
    if (ended.code === 1) return assertSurvived("KVM works", ended);
    assert.match(ended.stderr, /KVM cannot be used: .+/);
    assert.match(ended.stderr, /set accelerator to auto/);
    assert.equal(ended.code, 3);
    await assertNothingLeaked(guest.room.home);
    survived({ fault: "KVM opens and does not work", where: "image" });
  });

  it("a disk that the guest fills", async function () {
    if (!canLoop()) this.skip();
    await guest.publish("hello", "write");
    const work = join(guest.room.home, "work");
    mkdirSync(work, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m,mode=755", "none", work]);
    try {
      const ended = await Run.stage(guest.room.home, guest.request()).ended;
      assert.match(ended.stderr, /the disk of .* is full/);
      assert.equal(ended.code, 3, ended.stderr);
      assert.deepEqual(readdirIfThere(work), []);
    } finally {
      execFileSync("umount", [work]);
    }
    await assertNothingLeaked(guest.room.home);
    survived({ fault: "disk is full", where: "image" });
  });

  it("a guest that tells a secret, before it panics", async () => {
    const secret = "c4n4ry/of+this run";
    const base64 = Buffer.from(`u:${secret}`).toString("base64");
    const words = `password ${secret}\r\nbasic ${base64}\r\nKernel panic - not syncing: x`;
    const ended = await fail({ words, environment: { KRAGLE_SECRET_canary: secret } });
    assert.match(ended.stderr, /password \*\*\*/);
    const told = [ended.stderr];
    for (const name of await listFiles(guest.room.home)) {
      told.push(readFileSync(join(guest.room.home, name), "latin1"));
    }
    // base's own disk holds the words: they are the guest's program
    const disk = told.filter((text) => text.startsWith("QFI"));
    for (const text of told.filter((other) => !disk.includes(other))) {
      for (const form of [secret, base64.slice(4, -4)]) assert.ok(!text.includes(form), text);
    }
    assert.equal(disk.length, 1);
    await assertSurvived("guest tells a secret", ended);
  });

  it("a script with Windows line ends", async () => {
    await guest.publish("hello", "hang");
    const scripts = { "50-1-my script.sh": "#!/bin/sh\r\necho hello\r\n" };
    const ended = await Run.stage(guest.room.home, guest.request({}, scripts)).ended;
    assert.match(ended.stderr, /"50-1-my script\.sh" has Windows line ends/);
    await assertSurvived("script with CRLF and a blank in its name", ended);
  });
});
