import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { describeProgress } from "../disk/progress";
import { EXIT, StageFailure } from "../host/failure";
import { print, tell } from "../host/output";
import { printable } from "../host/printable";
import type { OnRead } from "../release/verify/folder";
import { type Verification, verifyRelease } from "../release/verify/release";
import { namesOf } from "./imageNames";
import { releaseOf, wholeRelease } from "./lastRelease";
import type { CommonOptions } from "./options";
import { knownStack } from "./releasedImages";

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
 * `kragle verify [IMAGE|FOLDER]`: whether a release is whole and consistent, and who signed it. Needs nothing but the folder, and for
 * a signature ssh-keygen or gpg.
 *
 * @param given a folder, or an image of the stack, if it has several; undefined for all of the stack
 */
export async function verify(given: string | undefined, options: VerifyOptions): Promise<number> {
  const releases = await wantedReleases(given, options.stack);
  const found: (readonly [string | null, Verification])[] = [];
  for (const [name, folder] of releases) {
    const one = verifyRelease(folder, options.allowedSigners, tellingReads());
    // of several images, one that is lost says nothing of the others
    found.push([name, await (releases.length > 1 ? one.catch(asVerified(folder)) : one)]);
  }
  if (options.json) {
    const [first] = found;
    const all = first![0] === null ? first![1] : { images: Object.fromEntries(found) as object };
    print(JSON.stringify(all) + "\n");
  } else {
    for (const [name, one] of found) {
      if (name !== null && found.length > 1) print(`${name}\n`);
      print(linesOf(one).join("\n") + "\n");
    }
  }
  return found.every(([, { good }]) => good) ? EXIT.done : EXIT.failed;
}

/** What cannot be verified at all, as a verdict. */
const asVerified = (folder: string) => (error: Error) => {
  if (!(error instanceof StageFailure) || error.details.exitCode !== undefined) throw error;
  return { folder, good: false, verdict: error.text, checks: [], files: [] };
};

/** Folders of releases, by the name of the image where it is one of several. */
async function wantedReleases(
  given: string | undefined,
  stack: string,
): Promise<(readonly [string | null, string])[]> {
  const folderOf = ({ imagePath }: Readonly<Record<string, unknown>>) => dirname(String(imagePath));
  if (given === undefined) {
    const { images } = await wholeRelease(stack);
    return [...images].map(([name, outputs]) => [name, folderOf(outputs)] as const);
  }
  if (await isImage(given, stack)) return [[null, folderOf(await releaseOf(stack, given))]];
  requireFolder(given);
  return [[null, resolve(given)]];
}

/** A folder needs no stack, so one that cannot be read has no image of that name. */
async function isImage(given: string, stack: string): Promise<boolean> {
  try {
    return namesOf((await knownStack(stack)).images).includes(given);
  } catch {
    return false;
  }
}

const linesOf = ({ checks, files, verdict }: Verification): string[] =>
  [
    ...checks.map(({ state, name, detail }) => `${state.padEnd(8)} ${name}: ${detail}`),
    ...files.map(
      ({ state, name, detail }) => `${state.padEnd(8)} ${name}${detail ? `: it ${detail}` : ""}`,
    ),
    verdict,
  ].map(printable);

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
