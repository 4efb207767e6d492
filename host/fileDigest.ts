import { createHash } from "node:crypto";
import { statSync } from "node:fs";

import { displayPath } from "./project";
import { readGiven, Unsuitable } from "./regularFile";

/** A small file's content, and whether it is executable. */
export interface FileContent {
  readonly bytes: Buffer;
  readonly executable: boolean;
}

/** Reads a file, also by a link. @throws Error that names it where it is none, such as a pipe; the file system's where it cannot be read */
export function readContent(file: string): FileContent {
  try {
    return { bytes: readGiven(file), executable: (statSync(file).mode & 0o111) !== 0 };
  } catch (error) {
    if (!(error instanceof Unsuitable)) throw error;
    throw new Error(`${displayPath(file)} ${error.message}`, { cause: error });
  }
}

/** SHA-256 (64 hex digits), and "+x" where the file is executable: a script that lost that is another input. */
export const contentDigest = ({ bytes, executable }: FileContent): string =>
  createHash("sha256").update(bytes).digest("hex") + (executable ? "+x" : "");
