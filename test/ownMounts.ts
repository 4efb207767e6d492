import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { Context } from "mocha";

import { projectFolder } from "../host/project";

/**
 * Runs a shell script in the project with mounts of its own, which end with it. Where this user may not have any, the test is skipped.
 *
 * @param args `$0` and on
 * @returns what it prints
 */
export function withOwnMounts(
  test: Context,
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): string {
  const alone = ["--user", "--map-root-user", "--mount"];
  if (spawnSync("unshare", [...alone, "true"]).status !== 0) return test.skip();
  return execFileSync("unshare", [...alone, "sh", "-c", script, ...args], {
    cwd: projectFolder,
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
}

/** Runs `gc` on a copy of a home, on a disk of 4 MiB on which no byte is left. */
export function gcOnFullDisk(test: Context, home: string): string {
  const folder = mkdtempSync(join(tmpdir(), "kragle full "));
  try {
    const script = `mount -t tmpfs -o size=4m none "$1" && cp -a "$2/." "$1"
      dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null
      ./kragle gc && ls "$1/store"`;
    return withOwnMounts(test, script, ["sh", folder, home], {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      KRAGLE_HOME: folder,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
