import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { claimFile } from "../../disk/claim";
import { fileObjection } from "../../disk/confirm";
import { fileRefusals, ownReason } from "../../disk/fileRefusals";
import { isLocked } from "../../disk/fileUse";
import { explainSize, processLimit } from "../../disk/sizeLimit";
import { findTarget } from "../../disk/target";
import { majorMinor } from "../../disk/usage";
import { ownFiles } from "../../cli/ownFiles";
import { atomicWrite } from "../../host/atomicWrite";
import { projectFolder } from "../../host/project";
import { stackFileName } from "../../store/names";
import { RootFolder } from "../../store/rootFolder";
import { writeStackRecord } from "../../store/stackRecord";
import { canLoop, losetup } from "../docker/smallDisk";
import { ownerOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";

const BYTES = 4 * 2 ** 20;

describe("a file that is to be written", function () {
  this.timeout(20_000);
  let folder: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "kragle tärget ")));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  /** A disk: zeros, with the signature of a partition table where it is to have one. */
  function disk(name = "disk.raw", { table = true, bytes = BYTES } = {}): string {
    const content = Buffer.alloc(1024);
    if (table) content.writeUInt16BE(0x55aa, 510);
    const path = join(folder, name);
    writeFileSync(path, content);
    truncateSync(path, bytes);
    return path;
  }
  const refused = async (path: string) => (await fileRefusals(path, BYTES)).join("; ");

  it("may be a disk of the image's size, with or without content", async () => {
    assert.equal(await refused(disk()), "");
    assert.equal(await refused(disk("blank", { table: false })), "");
  });

  it("is refused where it is no disk, or one of another size", async () => {
    writeFileSync(join(folder, "notes"), "precious");
    assert.match(
      await refused(join(folder, "notes")),
      /no disk of the image's size: .*\(8 bytes\)/,
    );
    assert.match(await refused(disk("big", { bytes: BYTES + 512 })), /no disk of the image's size/);
    writeFileSync(join(folder, "text"), Buffer.alloc(BYTES, "text "));
    assert.match(await refused(join(folder, "text")), /neither a partition table nor zeros/);
  });

  it("is refused while a process has it open, by whatever name", async () => {
    const path = disk();
    linkSync(path, join(folder, "other"));
    const child = spawn("sh", ["-c", 'exec 7<"$1"; echo ready; exec sleep 20', "sh", path]);
    children.push(child);
    await once(child.stdout, "data");
    const expected = new RegExp(`process ${child.pid} \\((sh|sleep)\\) has it open`);
    assert.match(await refused(path), expected);
    assert.match(await refused(join(folder, "other")), expected);
  });

  it("is refused while it is locked as QEMU locks disks, although the process cannot be seen", async () => {
    const path = disk();
    const { dev, ino } = await stat(path, { bigint: true });
    const [major, minor] = majorMinor(dev).split(":").map(Number) as [number, number];
    const hex = (n: number) => n.toString(16).padStart(2, "0");
    const line = `1: OFDLCK ADVISORY  READ -1 ${hex(major)}:${hex(minor)}:${ino} 100 101\n`;
    assert.ok(isLocked(`${line}2: FLOCK  ADVISORY  WRITE 7 00:01:5 0 EOF\n`, { dev, ino }));
    assert.ok(!isLocked(line, { dev, ino: ino + 1n }));
    assert.ok(!isLocked("", { dev, ino }));
    // the kernel's own list, with a lock of the same kind
    const script = `import fcntl, struct, sys, time
f = open(sys.argv[1], "r+b")
fcntl.fcntl(f, 37, struct.pack("hhqqixxxx", fcntl.F_RDLCK, 0, 100, 1, 0))
print("ready", flush=True)
time.sleep(20)`;
    const child = spawn("python3", ["-c", script, path]);
    children.push(child);
    await once(child.stdout, "data");
    assert.ok(isLocked(readFileSync("/proc/locks", "utf8"), { dev, ino }));
  });

  it("is refused while it is behind a loop device", async function () {
    if (!canLoop()) this.skip();
    const path = disk();
    const device = losetup("--find", "--show", path).trim();
    try {
      assert.equal(await refused(path), `it is the backing file of ${device}`);
    } finally {
      losetup("--detach", device);
    }
  });

  it("is refused where something is mounted on it", async function () {
    if (process.getuid!() !== 0) this.skip();
    const path = disk();
    execFileSync("mount", ["--bind", disk("other"), path]);
    try {
      assert.match(await refused(path), /something is mounted on it/);
    } finally {
      execFileSync("umount", [path]);
    }
  });

  it("is refused where it is kragle's own, by whatever name: of the store, of a release, of another stack", async () => {
    const at = new TemporaryStore();
    try {
      const { folder: artifact } = await at.publish({ "image.qcow2": "an image" });
      const released = disk("released.raw");
      const outputs = { imagePath: join(folder, "gone"), conversions: { raw: { path: released } } };
      const record = { engine: "embedded", outputs, finishedAt: "2026-11-01T00:00:00Z" } as const;
      await writeStackRecord(at.home, ownerOf(at.home, "rhel7"), record);
      linkSync(released, join(folder, "hard link"));
      const own = await ownFiles(at.home);
      const home = realpathSync(at.home);
      const inStore = new RegExp(`^it lies in ${home}, where kragle keeps its store$`);
      assert.match(String(await ownReason(join(artifact, "image.qcow2"), own)), inStore);
      assert.match(String(await ownReason(join(home, "a new one"), own)), inStore);
      assert.match(String(await ownReason(home, own)), /kragle keeps its store/);
      assert.equal(await ownReason(released, own), "it is a file of kragle's own");
      assert.equal(
        await ownReason(join(folder, "hard link"), own),
        `it is a file of kragle's own: ${released}`,
      );
      assert.equal(await ownReason(disk("mine"), own), undefined);
      assert.equal(await ownReason(join(folder, "new"), own), undefined);
      // a folder whose name only begins alike
      assert.equal(await ownReason(`${home}-other/x`, own), undefined);
      assert.equal(
        await ownReason(join(home, "..x"), own),
        `it lies in ${home}, where kragle keeps its store`,
      );
    } finally {
      at.remove();
    }
  });

  it("is refused where it is another clone's that shares the home, whose paths lead from there", async () => {
    const at = new TemporaryStore();
    try {
      const owner = { ...ownerOf(at.home, "dev"), clone: "another" };
      const name = stackFileName(owner);
      const released = disk("released.raw");
      const outputs = { imagePath: "gone", conversions: { raw: { path: "released.raw" } } };
      await atomicWrite(
        join(at.home, "stacks", `${name}.json`),
        JSON.stringify({ owner, engine: "embedded", outputs, finishedAt: "2026-11-01T00:00:00Z" }),
      );
      await new RootFolder(join(at.home, "roots", name)).setOwner({ ...owner, path: folder });
      assert.equal(
        await ownReason(released, await ownFiles(at.home)),
        "it is a file of kragle's own",
      );
    } finally {
      at.remove();
    }
  });

  it("is none where the name leads to something else, which is named", async () => {
    execFileSync("mkfifo", [join(folder, "fifo")]);
    symlinkSync(join(folder, "fifo"), join(folder, "link"));
    symlinkSync("nowhere", join(folder, "dangling"));
    const socket = "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
    execFileSync("python3", ["-c", socket, "socket"], { cwd: folder });
    for (const [name, reason] of [
      [join(folder, "fifo"), /is a FIFO/],
      [join(folder, "link"), /is a FIFO/],
      [join(folder, "socket"), /is a socket/],
      [folder, /is a folder/],
      ["/dev/zero", /is a character device/],
      [join(folder, "dangling"), /leads nowhere/],
      ["null", /null may mean the device \/dev\/null, or a file here\b/],
      ["sdzz", /sdzz is the name of a disk, and there is no \/dev\/sdzz/],
      ["nvme77n1p2", /is the name of a disk/],
    ] as const) {
      await assert.rejects(findTarget(name), reason, name);
    }
    assert.equal((await findTarget("./sdzz")).path, join(projectFolder, "sdzz"));
    assert.equal((await findTarget("disk.raw")).kind, "file");
  });

  it("is replaced only by its name or its size, and a new one has the image's size", () => {
    const there = { kind: "file", path: "/x", exists: true } as const;
    const cases = [
      [there, {}, undefined],
      [there, { yes: true }, /--yes also needs --device-size/],
      [there, { yes: true, deviceSize: BYTES }, undefined],
      [there, { deviceSize: BYTES + 1 }, /it has 4194304 bytes, not 4194305/],
      [{ ...there, exists: false }, { yes: true }, undefined],
      [{ ...there, exists: false }, { deviceSize: 5 }, /bytes, not 5/],
      [there, { yes: true, serial: "S" }, /no serial number/],
    ] as const;
    for (const [target, consent, reason] of cases) {
      const found = fileObjection(target, BYTES, consent);
      if (reason) assert.match(String(found), reason);
      else assert.equal(found, undefined);
    }
  });

  describe("while it is written", () => {
    const size = { virtual: BYTES, data: 1 };

    it("is judged once more before it is replaced", async () => {
      const path = disk();
      const judge = async () => {
        const reason = await refused(path);
        if (reason) throw new Error(reason);
      };
      const claim = await claimFile(path, size, judge);
      const child = spawn("sh", ["-c", 'exec 7<"$1"; echo ready; exec sleep 20', "sh", path]);
      children.push(child);
      await once(child.stdout, "data");
      await assert.rejects(claim.finish(), /has it open/);
      await claim.release();
      assert.deepEqual(readFileSync(path).subarray(510, 512), Buffer.from([0x55, 0xaa]));
    });

    it("leaves nothing beside it where it may not be so long, and says what the limit is", () => {
      const script = `const { claimFile } = require("./disk/claim");
        claimFile(process.argv[1] + "/new.raw", { virtual: ${BYTES}, data: 1 })
          .catch((error) => console.log(error.message, error.details.exitCode));`;
      const command = `ulimit -f 1000; exec "$0" --require ./setup/loader.cjs -e '${script}' "$1"`;
      const { stdout } = spawnSync("bash", ["-c", command, process.execPath, folder], {
        ...{ cwd: projectFolder, encoding: "utf8" },
      });
      assert.match(stdout, /new\.raw has to have 4 MiB .* may have 1000 KiB at most 3\n$/);
      assert.deepEqual(readdirSync(folder), []);
    });

    it("leaves nothing beside it on a FAT file system, whose limit is told", async function () {
      const vfat = readFileSync("/proc/filesystems", "utf8").includes("vfat");
      if (!canLoop() || !vfat || spawnSync("mkfs.vfat", ["--help"]).error) this.skip();
      const image = join(folder, "fat.img");
      const mounted = join(folder, "fat");
      mkdirSync(mounted);
      writeFileSync(image, "");
      truncateSync(image, 64 * 2 ** 20);
      execFileSync("mkfs.vfat", [image]);
      execFileSync("mount", ["-o", "loop", image, mounted]);
      try {
        const long = { virtual: 2 ** 32, data: 1 };
        const claim = claimFile(join(mounted, "new.raw"), long);
        await assert.rejects(claim, /FAT, whose files have 4294967295 bytes at most/);
        assert.deepEqual(readdirSync(mounted), []);
      } finally {
        execFileSync("umount", [mounted]);
      }
    });

    it("is nothing half: what a killed write leaves is removed soon after", async () => {
      const script = `const { claimFile } = require("./disk/claim");
        claimFile(process.argv[1] + "/new.raw", { virtual: ${BYTES}, data: 1 })
          .then(() => { console.log("ready"); setInterval(() => {}, 1000); });`;
      const args = ["--require", "./setup/loader.cjs", "-e", script, folder];
      const child = spawn(process.execPath, args, { cwd: projectFolder });
      children.push(child);
      await once(child.stdout, "data");
      assert.ok(existsSync(join(folder, ".new.raw.kragle-unfinished")));
      child.kill("SIGKILL");
      while (readdirSync(folder).length > 0) await sleep(20);
    });
  });

  it("has a limit that the kernel tells", async () => {
    assert.equal(processLimit("Max file size             102400   unlimited   bytes\n"), 102400);
    assert.equal(
      processLimit("Max file size             unlimited   unlimited   bytes\n"),
      undefined,
    );
    const error = (code: string) => Object.assign(new Error(code), { code });
    const explain = (code: string) => explainSize(join(folder, "x"), BYTES, error(code));
    assert.match((await explain("EFBIG"))!.message, /its file system has no files that long/);
    assert.match((await explain("ENOSPC"))!.message, /there is no room for it/);
    assert.equal(await explain("EIO"), undefined);
  });
});
