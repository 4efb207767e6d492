import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EXIT, isDiskFull, StageFailure } from "./failure";

const unusable = (why: string) =>
  new StageFailure(
    `nothing can be written in ${tmpdir()}, the folder for temporary files: ${why}`,
    {
      hint: "make room there, or set TMPDIR to another folder that can be written",
      exitCode: EXIT.lacking,
    },
  );

/**
 * Makes a folder for what is needed for a while; the caller deletes it.
 *
 * @throws StageFailure (exit code 3) where TMPDIR, or /tmp, is of no use
 */
export function makeTemporaryFolder(prefix: string): string {
  try {
    return mkdtempSync(join(tmpdir(), prefix));
  } catch (error) {
    throw unusable((error as Error).message);
  }
}

/** Works in a temporary folder, and deletes it. @throws StageFailure also where its disk fills up */
export async function withTemporaryFolder<T>(
  prefix: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = makeTemporaryFolder(prefix);
  try {
    return await work(folder);
  } catch (error) {
    throw isDiskFull(error as Error) ? unusable("the disk is full") : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
