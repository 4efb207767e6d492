import { stat, statfs } from "node:fs/promises";

import { formatSize } from "../plan/units";
import { EXIT, StageFailure } from "./failure";
import { displayPath } from "./project";

/**
 * Compares the free space on a folder's disk with what will be written there.
 *
 * @param bytes what is needed, about
 * @param what for whom, such as "the converted image"
 * @throws StageFailure (exit code 3) with both figures, before the first byte is written
 */
export async function requireFreeSpace(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new StageFailure(
    `the store's disk has ${formatSize(free)} free, ${what} needs about ${formatSize(bytes)}`,
    {
      hint: `free space on the disk of ${displayPath(folder)}, for instance with ./kragle gc, then run the same command again`,
      exitCode: EXIT.lacking,
    },
  );
}

/** Bytes that a file occupies; what is not there occupies none. */
export async function occupiedBytes(path: string): Promise<number> {
  const facts = await stat(path).catch(() => undefined);
  return (facts?.blocks ?? 0) * 512;
}
