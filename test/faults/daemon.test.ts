import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import Docker from "dockerode";

import { stageKey } from "../../plan/description";
import { Conversions } from "../docker/conversions";
import { makeSmallDisk, type SmallDisk } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { isFullTier } from "../fullTier";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, evidenceFolder } from "./invariants";
import { Run } from "./run";

/** A Docker daemon of the test's own, beside the machine's. */
class Daemon {
  readonly folder = mkdtempSync(join(tmpdir(), "kragle-dockerd-"));
  readonly socket = join(this.folder, "docker.sock");
  private process?: ChildProcess;

  async start(): Promise<void> {
    const log = openSync(join(this.folder, "log"), "a");
    this.process = spawn(
      // without a bridge of its own it would remove the machine's, so it gets a network namespace too
      "unshare",
      [
        ...["--net", "dockerd"],
        ...["--host", `unix://${this.socket}`, "--pidfile", join(this.folder, "pid")],
        ...["--data-root", join(this.folder, "data"), "--exec-root", join(this.folder, "exec")],
        ...["--bridge", "none", "--iptables=false", "--ip-forward=false"],
      ],
      { stdio: ["ignore", log, log] },
    );
    const client = new Docker({ socketPath: this.socket });
    for (let tries = 0; ; tries++) {
      assert.ok(this.process.exitCode === null && tries < 600, `dockerd: see ${this.folder}/log`);
      if (await client.ping().then(Boolean, () => false)) return;
      await sleep(100);
    }
  }

  load(image: string): void {
    const command = `docker save '${image}' | docker --host unix://${this.socket} load --quiet`;
    execFileSync("sh", ["-c", command], { stdio: ["ignore", "ignore", "inherit"] });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const running = this.process?.exitCode === null && !this.process.signalCode;
    if (!running) return;
    const ended = once(this.process!, "exit");
    this.process!.kill(signal);
    await ended;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe("a Docker daemon that is stopped in the middle", function () {
  this.timeout(10 * 60_000);
  const daemon = new Daemon();
  let disk: SmallDisk;
  countFaults();

  before(async function () {
    const dockerd = ["/usr/sbin/dockerd", "/usr/bin/dockerd"].some((path) => existsSync(path));
    if (!isFullTier || process.getuid!() !== 0 || !dockerd) this.skip();
    const image = await toolsImage(this);
    disk = await makeSmallDisk(image, 96);
    await daemon.start();
    daemon.load(image);
  });
  after(async () => {
    await daemon.stop();
    daemon.remove();
    if (disk) rmSync(disk.folder, { recursive: true });
  });

  it("is named, and the next run on it finishes", async () => {
    const conversions = new Conversions(disk.toolsImage);
    const { home, store } = conversions.at;
    try {
      await conversions.publish(disk.path);
      const request = conversions.call("qcow2:compression=zlib");
      const key = stageKey(request.description);
      const environment = { DOCKER_HOST: `unix://${daemon.socket}` };
      const run = Run.stage(home, request, environment);
      const client = new Docker({ socketPath: daemon.socket });
      while ((await client.listContainers()).length === 0) await sleep(50);
      await sleep(1000);
      const since = Date.now();
      await daemon.stop();
      const { code, stderr } = await run.ended;
      assert.equal(code, 3, stderr);
      assert.match(stderr, /Docker daemon (went away|ended)|Docker cannot be reached/);
      assertEvidence(evidenceFolder(stderr), "stage.log");
      const secondsToClean = await assertNothingLeaked(home, { since });
      assert.equal((await store.lookup("convert", key)).state, "missing");

      await daemon.start();
      const again = await Run.stage(home, request, environment).ended;
      assert.equal(again.code, 0, again.stderr);
      await assertNothingLeaked(home);
      const label = [`kragle.store=${store.id}`];
      assert.deepEqual(await client.listContainers({ all: true, filters: { label } }), []);
      survived({ fault: "Docker daemon is stopped", where: "convert", secondsToClean });
    } finally {
      conversions.at.remove();
    }
  });
});
