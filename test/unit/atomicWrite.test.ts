import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { atomicWrite, isUnfinished } from "../../host/atomicWrite";
import { projectFolder } from "../../host/project";
import { Roots } from "../../store/roots";

/** The module whose functions are replaced to be watched, or to end the process in the middle. */
const files = require("node:fs/promises") as {
  rename: (from: string, to: string) => Promise<void>;
};

describe("writing a small file", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle write ü "));
    file = join(folder, "file");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("makes its folders, replaces what was there, and leaves nothing beside it", async () => {
    const deep = join(folder, "a", "b", "file");
    await atomicWrite(deep, "old\n");
    await atomicWrite(deep, "new ü\n");
    assert.equal(readFileSync(deep, "utf8"), "new ü\n");
    assert.deepEqual(readdirSync(join(folder, "a", "b")), ["file"]);
  });

  it("syncs the file before it is renamed, then its folder, then the folders above that are new", async () => {
    const handle = await open(folder);
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const { sync } = prototype;
    const { rename } = files;
    const steps: string[] = [];
    prototype.sync = async function (this: FileHandle) {
      steps.push(`sync ${(await this.stat()).isDirectory() ? "folder" : "file"}`);
      return sync.call(this);
    };
    files.rename = async (from, to) => {
      steps.push(isUnfinished(basename(from)) ? "rename" : `rename of ${from}`);
      return rename(from, to);
    };
    try {
      await atomicWrite(join(folder, "deep", "file"), "text");
      await atomicWrite(join(folder, "deep", "file"), "again");
    } finally {
      prototype.sync = sync;
      files.rename = rename;
    }
    const whole = ["sync file", "rename", "sync folder"];
    assert.deepEqual(steps, [...whole, "sync folder", ...whole]);
  });

  it("has one winner where many write at once", async () => {
    const texts = Array.from({ length: 20 }, (_, n) => `${n}`.repeat(10_000));
    await Promise.all(texts.map((text) => atomicWrite(file, text)));
    assert.ok(texts.includes(readFileSync(file, "utf8")));
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it("keeps the old content where its process is killed before the rename, and nobody takes the rest for a file", async () => {
    const owner = { clone: "c", backend: "b", project: "kragle", stack: "dev" };
    const roots = new Roots(folder, owner);
    const root = { stage: "image", key: "1", publishedAt: "2026-11-01T00:00:00.000Z" };
    await roots.set("image", root);
    const script = join(folder, "killed.ts");
    writeFileSync(
      script,
      `require("node:fs/promises").rename = () => process.kill(process.pid, "SIGKILL");
       const { Roots } = require(${JSON.stringify(join(projectFolder, "store/roots"))});
       void new Roots(process.argv[2], ${JSON.stringify(owner)}).set("image", { stage: "image", key: "2", publishedAt: "" });`,
    );
    const loader = join(projectFolder, "setup/loader.cjs");
    const { signal } = spawnSync(process.execPath, ["--require", loader, script, folder]);
    assert.equal(signal, "SIGKILL");
    const [stack] = readdirSync(join(folder, "roots"));
    const names = readdirSync(join(folder, "roots", stack!));
    assert.deepEqual(
      [names.length, names.filter(isUnfinished).length],
      [3, 1],
      "it was killed early",
    );
    assert.deepEqual([...(await roots.list())], [["image", root]]);
  });

  it("keeps the old content on a full disk, and leaves nothing of the new", async function () {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", disk]);
    if (mount.status !== 0) return this.skip(); // needs root
    try {
      const onDisk = join(disk, "file");
      await atomicWrite(onDisk, "old");
      await assert.rejects(atomicWrite(onDisk, "x".repeat(2 ** 17)), {
        ...{ code: "ENOSPC", path: onDisk },
      });
      assert.equal(readFileSync(onDisk, "utf8"), "old");
      assert.deepEqual(readdirSync(disk), ["file"]);
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});
