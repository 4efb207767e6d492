import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { type Claim, claimDevice, claimFile } from "../../disk/claim";
import type { Target } from "../../disk/target";
import { writeSteps } from "../../disk/writeImage";
import { docker } from "../site";
import { StageFailure } from "../../host/failure";
import { projectFolder } from "../../host/project";
import {
  canLoop,
  inTools,
  LoopDevice,
  losetup,
  makeSmallDisk,
  MIB,
  pretendRelease,
  type SmallDisk,
} from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { countFaults, survived } from "./figures";

describe("a write that goes wrong", function () {
  this.timeout(120_000);
  let disk: SmallDisk;
  let home: string;
  /** What a test has to undo, last first. */
  const cleanups: (() => unknown)[] = [];
  countFaults();

  before(async function () {
    const image = await toolsImage(this);
    // long enough in writing to be met half-way
    disk = await makeSmallDisk(image, 192);
    home = await pretendRelease(disk);
  });
  afterEach(async () => {
    for (const undo of cleanups.splice(0).reverse()) await undo();
    // Docker removes a container some time after it has ended
    const deadline = Date.now() + 10_000;
    while ((await containers()).length > 0) {
      assert.ok(Date.now() < deadline, "containers were left behind");
      await sleep(100);
    }
  });
  after(() => {
    if (disk) rmSync(disk.folder, { recursive: true });
  });

  async function containers() {
    const label = ["kragle.target"];
    const all = await docker.listContainers({ all: true, filters: { label } });
    return all.filter(({ Labels }) => Labels["kragle.target"]!.includes(disk.folder));
  }

  /** Writes, and does `meanwhile` when the first bytes are reported. */
  async function write(target: Target, claim: Claim, meanwhile?: () => void): Promise<void> {
    const steps = writeSteps(
      {
        docker,
        image: disk,
        toolsImage: disk.toolsImage,
        target,
        claim,
        verify: "quick",
        signal: new AbortController().signal,
      },
      { dataBytes: 0, verified: "quick", backupTableMoved: false },
    );
    for (const { run } of steps) {
      await run((done) => {
        if (done === 0) return;
        meanwhile?.();
        meanwhile = undefined;
      });
    }
  }

  const fileTarget = (path: string): Target => ({ kind: "file", path, exists: false });

  async function claimTestFile(path: string): Promise<Claim> {
    const claim = await claimFile(path, { virtual: disk.virtualBytes, data: 1 });
    cleanups.push(() => claim.release());
    return claim;
  }

  async function claimLoop(loop: LoopDevice): Promise<[Target, Claim]> {
    cleanups.push(() => loop.remove());
    const claim = await claimDevice(loop.path);
    cleanups.push(() => claim.release());
    return [{ kind: "device", path: loop.path, exists: true }, claim];
  }

  async function failure(attempt: Promise<unknown>): Promise<string> {
    const error = await attempt.then(
      () => assert.fail("it succeeded"),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof StageFailure, String((error as Error).stack));
    return error.message;
  }

  function mount(name: string, ...args: string[]): string {
    const folder = join(disk.folder, name);
    mkdirSync(folder);
    execFileSync("mount", [...args, folder]);
    cleanups.push(() => {
      execFileSync("umount", [folder]);
      rmSync(folder, { recursive: true });
    });
    return folder;
  }

  function rootOnly(test: Mocha.Context): void {
    if (!canLoop()) test.skip();
  }

  const kragle = (...args: string[]) => ({
    file: join(projectFolder, "kragle"),
    args: ["write", ...args],
    options: { env: { ...process.env, KRAGLE_HOME: home } },
  });

  it("stops at the byte where the target is full, and leaves no file", async function () {
    rootOnly(this);
    const folder = mount("full", "-t", "tmpfs", "-o", `size=${64 * MIB}`, "none");
    const path = join(folder, "disk.raw");
    const claim = await claimTestFile(path);
    const message = await failure(write(fileTarget(path), claim));
    assert.match(message, /error while writing at byte \d+: No space left on device/);
    assert.match(message, /there is no new .*disk\.raw/);
    await claim.release();
    cleanups.pop();
    assert.deepEqual(readdirSync(folder), []);
    survived({ fault: "disk is full", where: "write" });
  });

  it("says beforehand that the data will not fit", async function () {
    rootOnly(this);
    const folder = mount("small", "-t", "tmpfs", "-o", `size=${16 * MIB}`, "none");
    const bytes = { virtual: disk.virtualBytes, data: 192 * MIB };
    const message = await failure(claimFile(join(folder, "disk.raw"), bytes));
    assert.match(message, /has 16 MiB free, the image's data needs 192 MiB/);
    assert.deepEqual(readdirSync(folder), []);
    survived({ fault: "too little free space from the start", where: "write" });
  });

  it("stops at the byte that a device cannot write", async function () {
    rootOnly(this);
    // a loop device fails to write what is more than the free space of its file's disk
    const folder = mount("dying", "-t", "tmpfs", "-o", `size=${64 * MIB}`, "none");
    const loop = new LoopDevice(join(folder, "loop.img"), disk.virtualBytes);
    const message = await failure(write(...(await claimLoop(loop))));
    assert.match(message, /error while writing at byte \d+: /);
    assert.match(message, /is now incomplete and must be written again/);
    survived({ fault: "device cannot write a block", where: "write" });
  });

  it("notices a device that is unplugged", async function () {
    rootOnly(this);
    const loop = new LoopDevice(join(disk.folder, "unplugged.img"), disk.virtualBytes);
    const unplug = () => {
      truncateSync(loop.file, 0);
      losetup("--set-capacity", loop.path);
    };
    const message = await failure(write(...(await claimLoop(loop)), unplug));
    assert.match(message, /is now incomplete and must be written again/);
    survived({ fault: "device is unplugged", where: "write" });
  });

  it("notices a file system that turns read-only", async function () {
    rootOnly(this);
    const loop = new LoopDevice(join(disk.folder, "ext4.img"), disk.virtualBytes + 64 * MIB);
    cleanups.push(() => loop.remove());
    inTools(disk.toolsImage, disk.folder, "mke2fs -q -F -t ext4 /w/ext4.img");
    const folder = mount("errors", "-t", "ext4", "-o", "errors=remount-ro", loop.path);
    const trigger = `/sys/fs/ext4/${loop.path.replace("/dev/", "")}/trigger_fs_error`;
    if (!existsSync(trigger)) this.skip();
    const path = join(folder, "disk.raw");
    const claim = await claimTestFile(path);
    const message = await failure(
      write(fileTarget(path), claim, () => writeFileSync(trigger, "a test")),
    );
    assert.match(message, /Read-only file system|Input\/output error/);
    assert.ok(!existsSync(path));
    survived({ fault: "file system turns read-only", where: "write" });
  });

  it("lets only one of two writers have a device", async function () {
    rootOnly(this);
    const loop = new LoopDevice(join(disk.folder, "two.img"), disk.virtualBytes);
    const [, { path }] = await claimLoop(loop);
    const { file, args, options } = kragle(
      ...[path, "--virtual", "--yes", "--device-size", `${disk.virtualBytes}`],
    );
    const { status, stderr } = spawnSync(file, args, { ...options, encoding: "utf8" });
    assert.match(stderr, /it is open in process \d+ \(.*\), which may write to it/);
    assert.equal(status, 2);
    // for those of whom nothing can be seen
    await assert.rejects(claimDevice(path), /is in use: the kernel says that another program/);
    survived({ fault: "two writers of one device", where: "write" });
  });

  it("lets only one of two writers have a file's name", async () => {
    const path = join(disk.folder, "both.raw");
    const { file, args, options } = kragle(path);
    // as of two clones, each of which has its own
    const homes = [home, join(disk.folder, "other home")];
    cpSync(home, homes[1]!, { recursive: true });
    const runs = homes.map(async (KRAGLE_HOME) => {
      const env = { ...options.env, KRAGLE_HOME };
      const child = spawn(file, args, { ...options, env, stdio: ["ignore", "ignore", "pipe"] });
      const [code] = (await once(child, "close")) as [number];
      return code;
    });
    assert.deepEqual(
      (await Promise.all(runs)).sort((a, b) => a - b),
      [0, 1],
    );
    rmSync(path);
    survived({ fault: "two writers of one file", where: "write" });
  });

  it("leaves nothing under the name when it is killed, and the next run finishes", async () => {
    const path = join(disk.folder, "killed.raw");
    const unfinished = join(disk.folder, ".killed.raw.kragle-unfinished");
    const { file, args, options } = kragle(path);
    const child = spawn(file, args, { ...options, stdio: "ignore" });
    const ended = once(child, "close");
    while (!existsSync(unfinished) || statSync(unfinished).blocks === 0) await sleep(2);
    child.kill("SIGKILL");
    await ended;
    assert.ok(!existsSync(path));
    const deadline = Date.now() + 10_000;
    while (existsSync(unfinished)) {
      assert.ok(Date.now() < deadline, "the unfinished file was left behind");
      await sleep(20);
    }
    const again = spawnSync(file, args, { ...options, encoding: "utf8" });
    assert.equal(again.status, 0, again.stderr);
    assert.ok(existsSync(path));
    assert.ok(!existsSync(unfinished));
    survived({ fault: "SIGKILL of kragle", where: "write" });
  });

  it("says what it leaves when it is interrupted", async () => {
    const path = join(disk.folder, "interrupted.raw");
    const { file, args, options } = kragle(path);
    const child = spawn(file, args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const unfinished = join(disk.folder, ".interrupted.raw.kragle-unfinished");
    while (!existsSync(unfinished) || statSync(unfinished).blocks === 0) await sleep(2);
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 130);
    assert.match(stderr, /it was interrupted/);
    assert.match(stderr, /there is no new .*interrupted\.raw/);
    assert.ok(!existsSync(path) && !existsSync(unfinished));
    survived({ fault: "SIGINT of kragle", where: "write" });
  });

  it("finds what the device did not keep", async function () {
    rootOnly(this);
    const loop = new LoopDevice(join(disk.folder, "forgetful.img"), disk.virtualBytes);
    const [target, claim] = await claimLoop(loop);
    const steps = writeSteps(
      {
        docker,
        ...{ image: disk, toolsImage: disk.toolsImage, target, claim, verify: "quick" },
        signal: new AbortController().signal,
      },
      { dataBytes: 0, verified: "quick", backupTableMoved: false },
    );
    for (const { title, run } of steps.slice(0, 2)) await run(() => assert.ok(title));
    // the first sector of the file system's superblock, behind the device's back
    const image = readFileSync(loop.file);
    image[MIB + 1024 + 4]! ^= 1;
    writeFileSync(loop.file, image);
    execFileSync("blockdev", ["--flushbufs", loop.path]);
    const message = await failure(steps[2]!.run(() => undefined));
    assert.match(message, new RegExp(`differs from the image at byte ${MIB + 1024 + 4}\\n`));
    survived({ fault: "device forgets what it was given", where: "write" });
  });
});
