import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { describeProgress } from "../disk/progress";
import { EXIT, StageFailure } from "../host/failure";
import { print, tell } from "../host/output";
import { printable } from "../host/printable";
import type { OnRead } from "../release/verify/folder";
import { verifyRelease } from "../release/verify/release";
import type { CommonOptions } from "./options";
import { lastRelease } from "./outputs";

export interface VerifyOptions extends CommonOptions {
  /** The keys that are trusted: an allowed_signers file of OpenSSH, or exported public keys of GPG. */
  readonly allowedSigners?: string;
}

function requireFolder(folder: string): void {
  const facts = statSync(folder, { throwIfNoEntry: false });
  if (facts?.isDirectory()) return;
  const name = JSON.stringify(folder);
  throw new StageFailure(facts ? `${name} is no folder` : `there is no folder ${name}`, {
    hint: "a release is a folder, with SHA256SUMS in it; ./kragle verify -s STACK finds that of a stack",
    exitCode: EXIT.wrongSettings,
  });
}

/**
 * `kragle verify [FOLDER]`: whether a release is whole and consistent, and who signed it. Needs nothing but the folder, and for
 * a signature ssh-keygen or gpg.
 */
export async function verify(folder: string | undefined, options: VerifyOptions): Promise<number> {
  if (folder !== undefined) requireFolder(folder);
  const output = folder
    ? resolve(folder)
    : dirname(String((await lastRelease(options.stack)).outputs.imagePath));
  const found = await verifyRelease(output, options.allowedSigners, tellingReads());
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

/** Milliseconds between two lines. */
const EVERY_MS = 5000;

/** Tells on stderr how far the reading is where it takes long: an image may have terabytes, or whoever forged it says so. */
function tellingReads(): OnRead {
  const began = performance.now();
  let told = began;
  return (name, bytes, total) => {
    const now = performance.now();
    if (now - told < EVERY_MS) return;
    told = now;
    const far = describeProgress(bytes, total, (now - began) / 1000);
    tell(`reading ${printable(name)}: ${far}\n`);
  };
}
