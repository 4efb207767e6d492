import { existsSync } from "node:fs";
import { dirname } from "node:path";

import { thisClone } from "../host/clone";
import { StageFailure } from "../host/failure";
import { homeFolder } from "../host/home";
import { displayPath, isOwnProject } from "../host/project";
import { warn } from "../host/warn";
import type { StackIdentity } from "../plan/identity";
import type { ImageSettings } from "../settings/images";
import { identityOf } from "../store/identity";
import { readStackRecord, releasesOf, type StackRecord } from "../store/stackRecord";
import { namesOf, onlyName, requireName } from "./imageNames";
import { knownStack, releasesByRoots } from "./releasedImages";

type Outputs = StackRecord["outputs"];

/** What a stack has released last. */
export interface LastRelease {
  /** Of the stack. */
  readonly owner: StackIdentity;
  /** Each of its images as its settings have them now, released or not. */
  readonly settings: readonly ImageSettings[];
  /** The stack's. */
  readonly outputs: Outputs;
  /** Of each image that is wanted, by its name; that of a stack of one image has none. */
  readonly images: ReadonlyMap<string | null, Outputs>;
}

/** @returns what the last release of a stack has, all of it; tells of images that no release has had yet */
export async function wholeRelease(stack: string): Promise<LastRelease> {
  const release = await lastRelease(stack);
  const lacking = namesOf(release.settings).filter((name) => !release.images.has(name));
  if (lacking.length > 0) {
    const next = `./kragle up ${lacking.join(" ")} -s ${stack}`;
    warn(`not released yet: ${lacking.join(", ")}; ${next}`);
  }
  return release;
}

/**
 * What a stack has released last.
 *
 * @param names of the images that are wanted; none for all
 * @throws StageFailure (exit code 2) where the settings have no image of a name
 * @throws StageFailure where there is nothing, nothing of an image that is named, or the stack was destroyed after it
 */
export async function lastRelease(
  stack: string,
  names: readonly string[] = [],
): Promise<LastRelease> {
  const { project, images: settings } = await knownStack(stack);
  const known = namesOf(settings);
  names.forEach((name) => requireName(known, stack, name));
  const home = homeFolder();
  const owner = identityOf(home, { project, stack });
  const record = await readStackRecord(home, owner);
  const released = record ? releasesOf(record) : await releasesByRoots(home, owner);
  if (record?.destroyedAt || released.size === 0) {
    const why = record?.destroyedAt ? afterDestroy(stack, record) : neverReleased(stack);
    throw new StageFailure(why, { hint: makesIt(stack) });
  }
  const lacking = names.filter((name) => !released.has(name));
  if (lacking.length > 0) {
    const has = lacking.length === 1 ? "has" : "have";
    const which = `${lacking.length === 1 ? "image" : "images"} ${lacking.join(", ")}`;
    throw new StageFailure(`${which} of stack ${stack} ${has} not been released yet`, {
      hint: `./kragle up ${lacking.join(" ")} -s ${stack}`,
    });
  }
  const isWanted = (name: string | null) => names.length === 0 || names.includes(name ?? "");
  const images = new Map([...released].filter(([name]) => isWanted(name)));
  const [first] = released;
  const all = first![0] === null ? first![1] : { images: Object.fromEntries(released) as object };
  return { owner, settings, outputs: record?.outputs ?? all, images };
}

/**
 * What of it is one image's.
 *
 * @param name undefined for the only one
 * @throws StageFailure as {@link lastRelease}, and (exit code 2) where there are several
 */
export async function releaseOf(stack: string, name: string | undefined): Promise<Outputs> {
  const { images } = await lastRelease(stack, name === undefined ? [] : [name]);
  const names = [...images.keys()].filter((one) => one !== null);
  return images.get(onlyName(names, stack))!;
}

const makesIt = (stack: string) =>
  isOwnProject() ? `./kragle up -s ${stack}` : `pulumi up -s ${stack}`;

function afterDestroy(stack: string, record: StackRecord): string {
  const folders = [...releasesOf(record).values()].map(({ imagePath }) =>
    dirname(String(imagePath)),
  );
  const there = folders.filter((folder) => existsSync(folder)).map((folder) => displayPath(folder));
  const files = there.length > 0 ? `its files lie in ${there.join(", ")}` : "its files are gone";
  return `stack ${stack} was destroyed at ${record.destroyedAt}; ${files}`;
}

function neverReleased(stack: string): string {
  const { copyOf } = thisClone();
  return copyOf === undefined
    ? `stack ${stack} has not been released yet`
    : `stack ${stack} has not been released from here yet: this folder is a copy of ${copyOf}`;
}
