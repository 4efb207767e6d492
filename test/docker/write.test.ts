import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";

import { projectFolder } from "../../host/project";
import { sha256File } from "../../host/files";
import {
  canLoop,
  inTools,
  LoopDevice,
  makeSmallDisk,
  MIB,
  pretendRelease,
  type SmallDisk,
} from "./smallDisk";
import { toolsImage } from "./toolsImage";

interface WriteDocument {
  readonly target: string;
  readonly verified: string;
  readonly dataBytes: number;
  readonly backupTableMoved: boolean;
}

describe("./kragle write", function () {
  this.timeout(60_000);
  let disk: SmallDisk;
  let home: string;
  const loops: LoopDevice[] = [];

  before(async function () {
    const image = await toolsImage(this);
    disk = await makeSmallDisk(image);
    home = await pretendRelease(disk);
  });
  afterEach(() => {
    for (const loop of loops.splice(0)) loop.remove();
  });
  after(() => {
    if (disk) rmSync(disk.folder, { recursive: true });
  });

  const write = (...args: string[]) =>
    spawnSync(join(projectFolder, "kragle"), ["write", ...args], {
      encoding: "utf8",
      env: { ...process.env, KRAGLE_HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    });

  function done(...args: string[]): WriteDocument {
    const { status, stdout, stderr } = write(...args, "--json");
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as WriteDocument;
  }

  function refused(reason: RegExp, ...args: string[]): void {
    const { status, stderr } = write(...args);
    assert.match(stderr, reason);
    assert.equal(status, 2, stderr);
  }

  /** The image as a raw file. */
  function rawOfImage(): string {
    if (!existsSync(join(disk.folder, "expected.raw"))) {
      inTools(
        disk.toolsImage,
        disk.folder,
        "qemu-img convert -O raw /w/image.qcow2 /w/expected.raw",
      );
    }
    return join(disk.folder, "expected.raw");
  }

  describe("to a file", () => {
    it("writes the raw disk, sparse, into a path with spaces", async () => {
      const file = join(disk.folder, "a folder", "the disk.raw");
      mkdirSync(join(disk.folder, "a folder"));
      for (const verify of ["quick", "full"]) {
        // the second time it is there, and is named by its size
        const size = ["--device-size", String(disk.virtualBytes)];
        const { verified, target } = done(file, "--verify", verify, "--yes", ...size);
        assert.equal(verified, verify);
        assert.equal(target, file);
        assert.equal(await sha256File(file), await sha256File(rawOfImage()));
        assert.deepEqual(readdirSync(join(disk.folder, "a folder")), ["the disk.raw"]);
      }
    });

    it("asks before it replaces a file, and keeps it where nobody can answer", () => {
      const file = join(disk.folder, "there already");
      writeFileSync(file, "precious");
      refused(/it is no disk of the image's size/, file, "--yes");
      assert.equal(execFileSync("cat", [file], { encoding: "utf8" }), "precious");
      truncateSync(file, 0);
      truncateSync(file, disk.virtualBytes);
      refused(/there is no terminal on which to confirm[^]*--yes/, file);
      refused(/--yes also needs --device-size/, file, "--yes");
      refused(/it has \d+ bytes, not 1$/m, file, "--yes", "--device-size", "1");
      refused(/it is a file of kragle's own/, disk.path, "--yes");
      refused(/where kragle keeps its store/, join(home, "new.raw"));
    });

    it("goes on without a reader, and its exit code tells the result", async () => {
      const file = join(disk.folder, "unread.raw");
      const command = 'cd "$1"; ./kragle write "$2" | true; exit ${PIPESTATUS[0]}';
      const { status, stderr } = spawnSync("bash", ["-c", command, "sh", projectFolder, file], {
        ...{ encoding: "utf8", env: { ...process.env, KRAGLE_HOME: home } },
      });
      assert.deepEqual([status, stderr], [0, ""]);
      assert.equal(await sha256File(file), await sha256File(rawOfImage()));
      rmSync(file);
      const full = spawnSync(
        "bash",
        ["-c", 'cd "$1"; ./kragle write "$2" >/dev/full', "sh", projectFolder, file],
        { encoding: "utf8", env: { ...process.env, KRAGLE_HOME: home } },
      );
      assert.deepEqual(
        [full.status, full.stderr],
        [3, "the output could not be written: no space left on device\n"],
      );
      assert.equal(await sha256File(file), await sha256File(rawOfImage()));
      assert.ok(!readdirSync(disk.folder).some((name) => /unfinished|direct-io/.test(name)));
    });

    it("refuses what is neither a device nor a place for a file", () => {
      const dangling = join(disk.folder, "dangling");
      symlinkSync(join(disk.folder, "nothing"), dangling);
      refused(/is a folder, and neither a block device nor a file/, disk.folder);
      refused(/neither a block device nor a file/, "/dev/null");
      refused(/there is no device \/dev\/sd-mistyped/, "/dev/sd-mistyped");
      refused(/there is no folder/, join(disk.folder, "no", "file"));
      refused(/leads nowhere/, dangling);
    });

    it("refuses an image in which one bit has flipped since its release", async () => {
      const flipped = join(disk.folder, "flipped.qcow2");
      copyFileSync(disk.path, flipped);
      const handle = await open(flipped, "r+");
      const byte = Buffer.alloc(1);
      await handle.read(byte, 0, 1, 5 * MIB);
      await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, 5 * MIB);
      await handle.close();
      await pretendRelease({ ...disk, path: flipped });
      try {
        const file = join(disk.folder, "never.raw");
        const { status, stderr } = write(file);
        assert.match(stderr, /flipped.qcow2 is not the released image: its SHA-256 was/);
        assert.equal(status, 1);
        assert.ok(!existsSync(file));
      } finally {
        await pretendRelease(disk);
      }
    });
  });

  describe("to a block device", () => {
    before(function () {
      if (!canLoop()) this.skip();
    });

    function loop(bytes = disk.virtualBytes, content?: Buffer): LoopDevice {
      const device = new LoopDevice(join(disk.folder, `loop${loops.length}.img`), bytes, content);
      loops.push(device);
      return device;
    }
    const consent = (bytes = disk.virtualBytes) => [
      ...["--yes", "--virtual", "--device-size", String(bytes)],
    ];

    it("replaces everything on a device of the same size, byte for byte", async () => {
      const noise = Buffer.alloc(disk.virtualBytes, "old content ");
      for (const verify of ["quick", "full"]) {
        const { path, file } = loop(disk.virtualBytes, noise);
        const { verified, backupTableMoved } = done(path, ...consent(), "--verify", verify);
        assert.equal(verified, verify);
        assert.equal(backupTableMoved, false);
        assert.equal(await sha256File(file), await sha256File(rawOfImage()));
      }
    });

    it("moves the backup partition table to the end of a larger device and wipes what was there", () => {
      const bytes = disk.virtualBytes + 10 * MIB;
      const { path, file } = loop(bytes, Buffer.alloc(bytes, "old content "));
      assert.equal(done(path, ...consent(bytes), "--verify", "full").backupTableMoved, true);
      const report = inTools(
        disk.toolsImage,
        disk.folder,
        `cd /w; sfdisk --verify ${basename(file)} 2>&1; tail -c 512 ${basename(file)} | head -c 8
         sfdisk --dump ${basename(file)}; e2fsck -fn '${basename(file)}?offset=${MIB}'`,
      );
      assert.match(report, /No errors detected/);
      assert.match(report, /EFI PART/);
      assert.match(report, new RegExp(`last-lba: ${bytes / 512 - 34}\\b`));
    });

    it("refuses a device that is too small, and one that is read-only", () => {
      const { path } = loop(disk.virtualBytes - 512);
      refused(/it is too small: it has .* the image needs/, path, ...consent());
      const other = loop().path;
      execFileSync("blockdev", ["--setro", other]);
      refused(/it is read-only/, other, ...consent());
    });

    it("refuses a mounted device, also by a symbolic link to it, and one with a mounted part", () => {
      const { path } = loop();
      done(path, ...consent());
      const folder = join(disk.folder, "mount point");
      const link = join(disk.folder, "link to the device");
      mkdirSync(folder);
      symlinkSync(path, link);
      // partitions read in user space: not every kernel knows every partition table
      execFileSync("partx", ["--add", path]);
      const part = `${path}p1`;
      execFileSync("mount", ["-o", "ro", part, folder]);
      try {
        refused(/its part \/dev\/loop\d+p1 is mounted at .*mount point/, path, ...consent());
        refused(/its part \/dev\/loop\d+p1 is mounted at/, link, ...consent());
        refused(/it is a partition/, part, ...consent());
      } finally {
        execFileSync("umount", [folder]);
        execFileSync("partx", ["--delete", path]);
      }
    });

    it("refuses the disk that carries the running system", function () {
      const root = execFileSync("findmnt", ["--noheadings", "--output", "SOURCE", "/"], {
        encoding: "utf8",
      }).trim();
      if (!root.startsWith("/dev/")) this.skip();
      refused(/it carries the running system/, root, ...consent());
    });

    it("refuses an image with the cloud kernel where hardware may be meant", () => {
      const { path } = loop();
      refused(/cloud kernel[^]*--virtual/, path, "--yes", "--device-size", `${disk.virtualBytes}`);
    });

    it("takes --yes only together with what identifies the device", () => {
      const { path } = loop();
      refused(/--yes also needs --device-size/, path, "--yes", "--virtual");
      refused(/it has \d+ bytes, not 1$/m, path, ...consent(1));
      refused(/it has no serial number/, path, ...consent(), "--serial", "S1");
      refused(/there is no terminal/, path, "--virtual");
    });

    it("leaves a refused device alone", async () => {
      const noise = Buffer.alloc(disk.virtualBytes, "precious ");
      const { path, file } = loop(disk.virtualBytes, noise);
      const before = await sha256File(file);
      refused(/not 1$/m, path, ...consent(1));
      assert.equal(await sha256File(file), before);
    });
  });
});
