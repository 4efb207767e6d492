import { chmod } from "node:fs/promises";

import { sha256File } from "../host/files";
import { EXIT, saysDiskIsFull, StageFailure } from "../host/failure";
import { stopIfInterrupted } from "../host/interrupt";
import { outputOf } from "../host/process";

/** A file of the store or of a release, and what it has to be. */
export interface CopySource {
  /** For messages. */
  readonly name: string;
  readonly from: string;
  readonly sha256: string;
}

/**
 * Copies a file to a file of its own, not a link, keeps holes, and compares the copy's SHA-256 with what the source is said to have.
 *
 * @param place whose disk the copy lies on, for the hint, such as "the setting's path"
 * @param signal ends the copy at once
 * @throws StageFailure with cp's own words (exit code 3 where the disk is full), or when the digest differs
 */
export async function copyVerified(
  { name, from, sha256 }: CopySource,
  to: string,
  place: string,
  signal: AbortSignal,
): Promise<void> {
  await outputOf(["cp", "--reflink=auto", "--sparse=always", "--", from, to], { signal }).catch(
    (error: Error) => {
      if (error instanceof StageFailure) throw error;
      throw new StageFailure(`copying ${name} failed: ${error.message}`, {
        hint: `free space on the disk that holds ${place}, then run the same command again`,
        exitCode: saysDiskIsFull(error.message) ? EXIT.lacking : EXIT.failed,
      });
    },
  );
  await chmod(to, 0o644);
  const found = await sha256File(to);
  stopIfInterrupted(signal);
  if (found === sha256) return;
  throw new StageFailure(`the copy of ${name} differs from ${from}'s digest`, {
    hint: "run ./kragle verify; if it finds nothing, the disk or the memory of this machine may be failing",
  });
}
