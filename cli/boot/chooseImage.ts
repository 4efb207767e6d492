import { access, constants, stat } from "node:fs/promises";
import { resolve } from "node:path";

import { BUILD_UID } from "../../executors/handOver";
import { EXIT, StageFailure } from "../../host/failure";
import { displayPath, inProject } from "../../host/project";
import { releaseOf } from "../lastRelease";
import { diskFormat } from "./diskFormat";

/** What is to be booted. */
export interface BootImage {
  /** Absolute. */
  readonly path: string;
  /** QEMU's name of its format. */
  readonly format: string;
  /** The Docker image in which it was built, where it is of a release. */
  readonly builtIn?: string;
}

/**
 * Finds the image that is meant.
 *
 * @param image its name where the stack has several
 * @param given a format of the stack's last release, or the path of a file; undefined for the release's image itself
 * @throws StageFailure (exit code 2) where that is none
 */
export async function chooseImage(
  stack: string,
  image: string | undefined,
  given: string | undefined,
): Promise<BootImage> {
  const isFile = given !== undefined && (await stat(given).catch(() => undefined))?.isFile();
  if (isFile) return describe(resolve(given));
  const outputs = await releaseOf(stack, image);
  const release = { stack, builtIn: String(outputs.builderImageId) };
  if (given === undefined) return describe(inProject(String(outputs.imagePath)), release);
  const conversions = outputs.conversions as Readonly<Record<string, { path: string }>>;
  const conversion = Object.hasOwn(conversions, given) ? conversions[given] : undefined;
  if (conversion) return describe(inProject(conversion.path), release);
  const names = Object.keys(conversions).join(", ") || "none but the image itself";
  throw new StageFailure(
    `"${given}" is neither a file nor a format of stack ${stack}'s release, which has ${names}`,
    { exitCode: EXIT.wrongSettings },
  );
}

/** @param release where it is a file of one: whose, and the Docker image in which that was built */
async function describe(
  path: string,
  release?: { readonly stack: string; readonly builtIn: string },
): Promise<BootImage> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts) {
    const hint = release && `./kragle up -s ${release.stack} releases it again`;
    throw new StageFailure(`${displayPath(path)} is gone`, { hint });
  }
  await access(path, constants.R_OK).catch(() => {
    throw unreadable(path, "you may not read it");
  });
  // the container's user is nobody's, where root's kragle starts it
  if (facts.uid !== BUILD_UID && process.getuid!() === 0 && (facts.mode & 0o004) === 0) {
    throw unreadable(path, "the container that boots it may not read it, since only its owner may");
  }
  return { path, format: await diskFormat(path), ...(release ? { builtIn: release.builtIn } : {}) };
}

const unreadable = (path: string, why: string) =>
  new StageFailure(`${displayPath(path)} cannot be booted: ${why}`, {
    hint: `chmod a+r ${displayPath(path)}`,
    exitCode: EXIT.wrongSettings,
  });
