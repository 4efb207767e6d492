import { dirname, resolve } from "node:path";

import { EXIT } from "../host/failure";
import { print } from "../host/output";
import { printable } from "../host/printable";
import { verifyRelease } from "../release/verify/release";
import type { CommonOptions } from "./options";
import { lastRelease } from "./outputs";

export interface VerifyOptions extends CommonOptions {
  /** The keys that are trusted: an allowed_signers file of OpenSSH, or exported public keys of GPG. */
  readonly allowedSigners?: string;
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
    ...found.files.map(
      ({ state, name, detail }) => `${state.padEnd(8)} ${name}${detail ? `: it ${detail}` : ""}`,
    ),
    found.verdict,
  ].map(printable);
  print((options.json ? JSON.stringify(found) : lines.join("\n")) + "\n");
  return found.good ? EXIT.done : EXIT.failed;
}
