import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";

import { asFailure, EXIT, StageFailure } from "../host/failure";
import { listFiles, makePrivate } from "../host/files";
import { displayPath } from "../host/project";
import { removeTree } from "../host/removeTree";
import type { Redactor } from "../host/redactor";
import { REMOVED } from "../plan/stages/image";
import { ArtifactUnavailable } from "../store/artifactStore";
import type { Workplace } from "../store/workplace";

/** Masks secrets in the log files that QEMU, Packer and scripts wrote themselves, and in the paths that the guest had, which are released. */
export async function redactLogs(work: string, redactor: Redactor): Promise<void> {
  const names = await listFiles(work).catch(() => []);
  for (const name of names) {
    const isOf = name.startsWith("logs/") || name.endsWith(".log") || name === REMOVED;
    if (isOf) await redactor.redactFile(join(work, name));
  }
}

/** Moves logs and evidence out of the work folder, deletes the rest, and names in the error where they are. */
export async function keepEvidence(place: Workplace, stage: string, key: string, cause: unknown) {
  const thrown = cause instanceof Error ? cause : new Error(String(cause));
  const error = asFailure(thrown) ?? thrown;
  const details = error instanceof StageFailure ? error.details : {};
  const kept = place.failedFolder(stage, key);
  const unkept = await moveEvidence(place.workFolder(stage, key), kept, details.evidence ?? []);
  const expected = error instanceof StageFailure || error instanceof ArtifactUnavailable;
  const text = expected ? error.message : (error.stack ?? error.message);
  const lines = [
    `${stage}: ${unkept ? text : inPlace(text, kept)}`,
    `  logs: ${unkept ?? displayPath(kept)}`,
  ];
  if (details.hint) lines.push(`  next: ${details.hint}`);
  return new StageFailure(lines.join("\n"), { exitCode: details.exitCode ?? EXIT.failed });
}

/** What the text calls `logs/NAME`, as it was named in the container or work folder, by the place where it is now. */
const inPlace = (text: string, kept: string) =>
  text.replace(/\blogs\/([\w.-]+\.(?:log|png))\b/g, (named, file: string) =>
    existsSync(join(kept, file)) ? displayPath(join(kept, file)) : named,
  );

/** @returns why it failed instead of an error, which would hide the stage's own failure */
async function moveEvidence(
  work: string,
  kept: string,
  evidence: readonly string[],
): Promise<string | undefined> {
  const logs = join(work, "logs");
  try {
    await mkdir(logs, { recursive: true });
    for (const name of evidence) {
      const from = join(work, name);
      if (existsSync(from)) await rename(from, join(logs, basename(name)));
    }
    // large files are deleted first: on a full disk even a new folder cannot be made
    for (const name of await readdir(work)) {
      if (name === "logs") continue;
      await removeTree(join(work, name)).catch(() => undefined);
    }
    await removeTree(kept);
    await rename(logs, kept).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EXDEV") throw error;
      // copied where a rename fails: the work folder may be on another disk
      await cp(logs, kept, { recursive: true });
      await removeTree(logs);
    });
    await makePrivate(kept);
    return undefined;
  } catch (error) {
    return `they could not be kept (${(error as Error).message})`;
  }
}
