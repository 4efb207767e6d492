import { createHash } from "node:crypto";

/** A SHA-256 in hex digits, by nothing of the code under test. */
export const sha256 = (data: string | Buffer): string =>
  createHash("sha256").update(data).digest("hex");
