import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { execFileSync, spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { projectFolder } from "../../host/project";
import { TemporaryStore } from "../temporaryStore";

/** In a mount namespace of its own, which ends with the shell. */
const ALONE = ["--user", "--map-root-user", "--mount"];

/** A copy of a home on a disk of 4 MiB, on which no byte is left; then garbage collection. */
const SCRIPT = `
  mount -t tmpfs -o size=4m none "$1" && cp -a "$2/." "$1"
  dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null
  ./kragle gc`;

describe("a full disk", () => {
  const folder = mkdtempSync(join(tmpdir(), "kragle full "));
  after(() => rmSync(folder, { recursive: true }));

  it("is made room on by gc, which needs none itself", async function () {
    if (spawnSync("unshare", [...ALONE, "true"]).status !== 0) return this.skip();
    const at = new TemporaryStore();
    const { key } = await at.publish({ "image.qcow2": "x".repeat(1_000_000) });
    const [source, home] = [join(folder, "source"), join(folder, "home")];
    cpSync(at.home, source, { recursive: true });
    at.remove();
    mkdirSync(home);
    const said = execFileSync("unshare", [...ALONE, "sh", "-c", SCRIPT, "sh", home, source], {
      cwd: projectFolder,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        KRAGLE_HOME: home,
      },
    });
    assert.match(said, new RegExp(`^store/image-${key}  \\d+ KiB\n1 folders, \\d+ KiB freed\n$`));
  }).timeout(60_000);
});
