import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";

/** A small file's content, and whether it is executable. */
export interface FileContent {
  readonly bytes: Buffer;
  readonly executable: boolean;
}

/** Reads a file, also by a link. */
export const readContent = (file: string): FileContent => ({
  bytes: readFileSync(file),
  executable: (statSync(file).mode & 0o111) !== 0,
});

/** SHA-256 (64 hex digits), and "+x" where the file is executable: a script that lost that is another input. */
export const contentDigest = ({ bytes, executable }: FileContent): string =>
  createHash("sha256").update(bytes).digest("hex") + (executable ? "+x" : "");
