import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { StageFailure } from "../../host/failure";
import { treeDigests } from "../../host/tree";
import { foldersOf, writeFilesDisk } from "../../stages/image/filesDisk";

describe("the disk with the files of steps", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle disk "));
    mkdirSync(join(folder, "tree/deep/empty"), { recursive: true });
    writeFileSync(join(folder, "tree/deep/run"), "#!/bin/sh\n");
    chmodSync(join(folder, "tree/deep/run"), 0o700);
    writeFileSync(join(folder, "tree/a b ö"), "");
    symlinkSync("../run", join(folder, "tree/deep/link"));
    writeFileSync(join(folder, "conf"), "x".repeat(3 * 2 ** 20));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const copy = (name: string, to: string, mode: string | null = null) => {
    const source = join(folder, name);
    return { content: treeDigests(source), to, mode, owner: "app", source };
  };
  const disk = () => join(folder, "disk");
  /** What tar finds so many MiB into the disk, as the guest does. */
  const list = (offset: number) =>
    execFileSync(
      "sh",
      ["-c", `{ dd bs=1M skip=${offset} count=0 2>/dev/null; tar -tvf -; } <"$0"`, disk()],
      { encoding: "utf8", env: { ...process.env, LC_ALL: "C.UTF-8" } },
    )
      .trim()
      .split("\n")
      .map((line) => line.replace(/^(\S+) (\S+)\s+(\d+) \S+ \S+ /, "$1 $2 $3 "))
      .sort();

  it("has an archive for each copy, by the names and modes in the guest", async () => {
    const copies = [
      copy("conf", "/etc/app.conf"),
      copy("tree", "/srv/x"),
      copy("tree", "/", "0640"),
    ];
    const offsets = await writeFilesDisk(disk(), copies);
    assert.deepEqual(offsets, [0, 4, 5]);
    assert.deepEqual(list(0), [`-rw-r--r-- 0/0 ${3 * 2 ** 20} etc/app.conf`]);
    assert.deepEqual(list(4), [
      "-rw-r--r-- 0/0 0 srv/x/a b ö",
      "-rwxr-xr-x 0/0 10 srv/x/deep/run",
      "lrw-r--r-- 0/0 0 srv/x/deep/link -> ../run",
    ]);
    assert.deepEqual(
      list(5).map((line) => line.slice(0, 10)),
      ["-rw-r-----", "-rw-r-----", "lrw-r--r--"],
    );
    assert.equal((await stat(disk())).size, 6 * 2 ** 20);
  });

  it("is refused where a file is no longer what was planned", async () => {
    const [changed, gone, mode] = [copy("conf", "/a"), copy("tree", "/b"), copy("tree", "/c")];
    writeFileSync(join(folder, "conf"), "y".repeat(3 * 2 ** 20));
    await assert.rejects(writeFilesDisk(disk(), [changed]), (error: Error) => {
      assert.ok(error instanceof StageFailure);
      assert.match(error.message, /conf was changed or deleted after this run had been planned$/);
      return true;
    });
    rmSync(join(folder, "tree/a b ö"));
    await assert.rejects(writeFilesDisk(disk(), [gone]), /a b ö was changed or deleted/);
    writeFileSync(join(folder, "tree/a b ö"), "longer");
    await assert.rejects(writeFilesDisk(disk(), [mode]), /a b ö was changed or deleted/);
  });

  it("leaves folders to a list: those that lead to a copy are root's, its own its owner's", () => {
    const copies = [copy("tree", "/srv/x/y", "0640"), copy("conf", "/srv/z/conf")];
    assert.deepEqual(foldersOf(copies), [
      { path: "/srv", mode: "0755", owner: "root:root" },
      { path: "/srv/x", mode: "0755", owner: "root:root" },
      { path: "/srv/x/y", mode: "0750", owner: "app" },
      { path: "/srv/x/y/deep", mode: "0750", owner: "app" },
      { path: "/srv/x/y/deep/empty", mode: "0750", owner: "app" },
      { path: "/srv/z", mode: "0755", owner: "root:root" },
    ]);
    assert.deepEqual(foldersOf([copy("conf", "/conf")]), []);
  });
});
