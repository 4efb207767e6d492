import assert from "node:assert/strict";
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { type Facts, facts as factsSchema } from "../../rules/facts";
import { searchFor } from "../../host/secretForms";
import { BUILD_GID, BUILD_UID } from "../../executors/handOver";
import { programs } from "./programs";
import { executor } from "../site";

export interface TinyDisk {
  /** The tools image. */
  readonly image: string;
  /** A fault that tinyDisk.sh knows. */
  readonly fault: string;
  readonly secrets?: Record<string, string>;
  /** More files of the disk: path → content. */
  readonly files?: Record<string, string>;
  /** Symbolic links: path → target. */
  readonly links?: Record<string, string>;
  /** Regular expressions of paths whose content is wanted. */
  readonly contents?: readonly string[];
}

/** Makes a tiny disk in a container and runs the inspector on it. */
export async function inspectTinyDisk(disk: TinyDisk): Promise<Facts> {
  const facts = await runBesideInspector(
    ["sh", "/test/tinyDisk.sh", disk.fault],
    "facts.json",
    disk,
  );
  return factsSchema.parse(facts);
}

/**
 * Runs a program of this folder, which is at /test, in a container that has all that the inspector needs, and may write to /scratch only.
 *
 * @param result the file of /scratch that it leaves, as JSON
 */
export async function runBesideInspector(
  run: readonly string[],
  result: string,
  disk: Omit<TinyDisk, "fault">,
): Promise<unknown> {
  const scratch = mkdtempSync(join(tmpdir(), "kragle-inspect-"));
  const inFiles = (path: string) => {
    const file = join(scratch, "files", path);
    mkdirSync(dirname(file), { recursive: true });
    return file;
  };
  for (const [path, text] of Object.entries(disk.files ?? {})) writeFileSync(inFiles(path), text);
  for (const [path, target] of Object.entries(disk.links ?? {})) symlinkSync(target, inFiles(path));
  chownSync(scratch, BUILD_UID, BUILD_GID);
  const lines: string[] = [];
  try {
    const { exitCode } = await executor.run({
      storeId: "test",
      key: `inspect-${run.at(-1)!.replace(/.*\//, "")}-${process.pid}`,
      image: disk.image,
      run,
      settings: {
        image: "/scratch/image.qcow2",
        contents: disk.contents ?? ["/etc/.*", "/usr/lib/os-release", "/opt/(?s:.*)"],
      },
      secrets: { search: JSON.stringify(searchFor(disk.secrets ?? {})) },
      programs: programs(),
      inputs: [{ at: "/test", path: __dirname }],
      outputs: [{ at: "/scratch", path: scratch }],
      user: "builder",
      network: "none",
      log: join(scratch, "log"),
      onLine: (line) => lines.push(line),
      deadlineSeconds: 100,
    });
    assert.equal(exitCode, 0, lines.join("\n"));
    return JSON.parse(readFileSync(join(scratch, result), "utf8"));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
