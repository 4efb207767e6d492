import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { versionIn } from "../../host/kragleVersion";

/** What provenance names as the checkout that built must be the one that did. */
describe("the version of kragle that a run notes", function () {
  this.timeout(60_000);
  let folder: string;
  let kragle: string;
  const git = (at: string, ...args: string[]) => {
    const own = ["-c", "user.name=x", "-c", "user.email=x@x.org", "-c", "commit.gpgSign=false"];
    return execFileSync("git", [...own, "-C", at, ...args], { encoding: "utf8" }).trim();
  };
  const commit = (at: string) => {
    git(at, "add", ".");
    git(at, "commit", "-q", "-m", "x");
    return git(at, "rev-parse", "HEAD");
  };

  beforeEach(function () {
    if (spawnSync("git", ["--version"]).error) return this.skip();
    folder = mkdtempSync(join(tmpdir(), "kragle version "));
    mkdirSync((kragle = join(folder, "tools/kragle")), { recursive: true });
    writeFileSync(join(kragle, "package.json"), '{"version":"7.1.0"}');
    writeFileSync(join(folder, "README"), "somebody's project\n");
  });
  afterEach(() => {
    delete process.env.GIT_DIR;
    delete process.env.GIT_INDEX_FILE;
    if (folder) rmSync(folder, { recursive: true });
  });

  it("has no commit where it was unpacked, also inside of somebody else's checkout", async () => {
    assert.deepEqual(await versionIn(kragle), { version: "7.1.0" });
    git(folder, "init", "-q");
    git(folder, "add", "README");
    git(folder, "commit", "-q", "-m", "x");
    assert.deepEqual(await versionIn(kragle), { version: "7.1.0" });
  });

  it("has that of the checkout that it is a part of, and changes of its own folder only", async () => {
    git(folder, "init", "-q");
    const found = { version: "7.1.0", commit: commit(folder) };
    writeFileSync(join(folder, "README"), "changed\n");
    assert.deepEqual(await versionIn(kragle), { ...found, modified: false });
    writeFileSync(join(kragle, "package.json"), '{"version":"7.1.0" }');
    assert.deepEqual(await versionIn(kragle), { ...found, modified: true });
  });

  it("is its own where a hook of another repository starts it", async () => {
    git(kragle, "init", "-q");
    const own = commit(kragle);
    const other = join(folder, "other");
    cpSync(kragle, other, { recursive: true });
    writeFileSync(join(other, "package.json"), '{"version":"0"}');
    assert.notEqual(commit(other), own);
    process.env.GIT_DIR = join(other, ".git");
    process.env.GIT_INDEX_FILE = join(other, ".git/index");
    assert.deepEqual(await versionIn(kragle), { version: "7.1.0", commit: own, modified: false });
  });
});
