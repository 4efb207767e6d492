import { dirname, resolve } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { displayPath } from "../host/project";
import type { CommonOptions } from "./options";
import { lastRelease } from "./outputs";
import type { Check } from "../release/verify/verdict";
import { verifyDescription } from "../release/verify/description";
import { compareFiles, type FileState, readSums } from "../release/verify/files";
import { verifySignature } from "../release/verify/signature";

export interface VerifyOptions extends CommonOptions {
  /** The keys that are trusted: an allowed_signers file of OpenSSH, or exported public keys of GPG. */
  readonly allowedSigners?: string;
}

export interface Verification {
  readonly folder: string;
  readonly good: boolean;
  readonly checks: readonly Check[];
  readonly files: readonly FileState[];
}

/**
 * `kragle verify [FOLDER]`: whether a release is whole and consistent, and who signed it. Needs nothing but the folder, and for
 * a signature ssh-keygen or gpg.
 */
export async function verify(folder: string | undefined, options: VerifyOptions): Promise<number> {
  const output = folder
    ? resolve(folder)
    : dirname(String((await lastRelease(options.stack)).outputs.imagePath));
  const found = await verifyRelease(output, options.allowedSigners);
  const lines = [
    ...found.checks.map(({ state, name, detail }) => `${state.padEnd(8)} ${name}: ${detail}`),
    ...found.files.map(({ state, name }) => `${state.padEnd(8)} ${name}`),
  ];
  process.stdout.write((options.json ? JSON.stringify(found) : lines.join("\n")) + "\n");
  return found.good ? EXIT.done : EXIT.failed;
}

/** @throws StageFailure where the folder is no release, or the keys are not there */
export async function verifyRelease(
  folder: string,
  keys: string | undefined,
): Promise<Verification> {
  const sums = await readSums(folder);
  if (!sums) {
    throw new StageFailure(`${displayPath(folder)} has no SHA256SUMS, so it is not a release`);
  }
  const signature = await verifySignature(folder, keys);
  const files = await compareFiles(folder, sums);
  const checks: Check[] = [
    { name: "signature", ...signature.check },
    ...sums.problems.map((detail) => ({ name: "SHA256SUMS", state: "failed" as const, detail })),
    ...(await verifyDescription(folder, sums.digests, signature.signer)),
  ];
  const good =
    checks.every(({ state }) => state !== "failed") && files.every(({ state }) => state === "ok");
  return { folder, good, checks, files };
}
