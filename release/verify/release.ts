import { join } from "node:path";

import { StageFailure } from "../../host/failure";
import { displayPath } from "../../host/project";
import { Unsuitable } from "../../host/regularFile";
import { NAMES } from "../layout";
import { parseSums } from "../sums";
import { verifyDescription } from "./description";
import { compareFiles, type FileState } from "./files";
import { type OnRead, ReleaseFolder } from "./folder";
import { verifySignature } from "./signature";
import { type Check, verdictOf } from "./verdict";

export interface Verification {
  readonly folder: string;
  readonly good: boolean;
  /** All of it in one sentence. */
  readonly verdict: string;
  readonly checks: readonly Check[];
  readonly files: readonly FileState[];
}

/** Bytes of the longest list of files: some 100,000. */
const SUMS_BYTES = 16 * 2 ** 20;

/**
 * Verifies a release that lies in a folder, or a published version of one.
 *
 * @param keys path of the keys that are trusted; undefined to take the one that came along
 * @throws StageFailure where the folder is no release, or the keys are not there
 */
export async function verifyRelease(
  path: string,
  keys: string | undefined,
  onRead?: OnRead,
): Promise<Verification> {
  const folder = new ReleaseFolder(path, onRead);
  const text = await folder
    .content(NAMES.sums, SUMS_BYTES)
    .catch((error: NodeJS.ErrnoException) => {
      if (error instanceof Unsuitable) {
        throw new StageFailure(`${displayPath(join(path, NAMES.sums))} ${error.message}`);
      }
      const why = error.code === "ENOENT" || error.code === "ENOTDIR" ? "" : ` (${error.message})`;
      throw new StageFailure(
        `${displayPath(path)} has no ${NAMES.sums}, so it is not a release${why}`,
      );
    });
  const sums = parseSums(text);
  const signature = await verifySignature(folder, text, keys);
  const description = await verifyDescription(folder, sums.digests, signature.signer);
  // who forged a signature also says a file has a terabyte, which costs him nothing and whoever reads it an hour
  const sizes = signature.check.state === "failed" ? new Map<string, number>() : description.sizes;
  const files = await compareFiles(folder, sums, { ...description, sizes });
  const checks: Check[] = [
    { name: "signature", ...signature.check },
    ...sums.problems.map((detail) => ({ name: NAMES.sums, state: "failed" as const, detail })),
    ...description.checks,
  ];
  return { folder: path, ...verdictOf({ checks, files, signature }), checks, files };
}
