import { existsSync } from "node:fs";
import { dirname } from "node:path";

import { thisClone } from "../host/clone";
import { StageFailure } from "../host/failure";
import { homeFolder } from "../host/home";
import { displayPath } from "../host/project";
import { imageSettings } from "../infra/settings/images";
import { identityOf } from "../store/identity";
import { readStackRecord, releasesOf, type StackRecord } from "../store/stackRecord";
import { onlyName, requireName } from "./imageNames";
import { readStackSettings } from "./stackSettings";

type Outputs = StackRecord["outputs"];

/** What a stack has released last. */
export interface LastRelease {
  /** The stack's. */
  readonly outputs: Outputs;
  /** Of each image, by its name; that of a stack of one image has none. */
  readonly images: ReadonlyMap<string | null, Outputs>;
}

/** What a stack has released last. @throws StageFailure where there is nothing, or the stack was destroyed after it */
export async function lastRelease(stack: string): Promise<LastRelease> {
  const { project } = readStackSettings(stack);
  const home = homeFolder();
  const record = await readStackRecord(home, identityOf(home, { project, stack }));
  const images = releasesOf(record);
  if (record && !record.destroyedAt && images.size > 0) return { outputs: record.outputs, images };
  throw new StageFailure(record?.destroyedAt ? afterDestroy(stack, record) : neverReleased(stack), {
    hint: `./kragle up -s ${stack}`,
  });
}

/**
 * What of it is one image's.
 *
 * @param name undefined for the only one
 * @throws StageFailure (exit code 2) where there is none of that name, or several
 */
export async function releaseOf(stack: string, name: string | undefined): Promise<Outputs> {
  if (name !== undefined) requireImages(stack, [name]);
  const { images } = await lastRelease(stack);
  const names = [...images.keys()].filter((one) => one !== null);
  const found = images.get(name ?? onlyName(names, stack));
  if (found) return found;
  throw new StageFailure(`image ${name} of stack ${stack} has not been released yet`, {
    hint: `./kragle up ${name} -s ${stack}`,
  });
}

/** @throws StageFailure (exit code 2) where a stack's settings have no image of a name */
export function requireImages(stack: string, names: readonly string[]): void {
  const { images } = imageSettings(readStackSettings(stack).values);
  const known = images.flatMap(({ name }) => name ?? []);
  names.forEach((name) => requireName(known, stack, name));
}

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
