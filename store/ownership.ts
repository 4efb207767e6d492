import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

import { isUnfinished } from "../host/atomicWrite";
import { nameOfAside, readOwn } from "../host/record";
import { UUID } from "../host/uuid";
import { MANIFEST } from "./manifest";

/** The folder of what is told by `run/refusal.ts`. */
export const REFUSED = "refused";

const DIGEST = /^[\da-f]{64}$/;
const PACKAGE = /^[\da-f]{64}\.[\da-f]{64}$/;
const isBundle = (name: string) =>
  DIGEST.test(name) || (name.startsWith(".") && UUID.test(name.slice(1)));
const isStageFolder = (entry: Dirent) =>
  entry.isDirectory() && /^[a-z][a-z\d-]*-[\da-f]{64}$/.test(entry.name);

/** What in a folder of the home is kragle's, told by names that nobody else gives. A link is never among it. */
const OWN = {
  store: async (entry: Dirent) =>
    isStageFolder(entry) &&
    ((await lstat(join(entry.parentPath, entry.name, MANIFEST)).catch(() => undefined))?.isFile() ??
      false),
  work: isStageFolder,
  failed: isStageFolder,
  trash: ({ name }: Dirent) => UUID.test(name),
  bundles: (entry: Dirent) => entry.isDirectory() && isBundle(entry.name),
  verified: (entry: Dirent) =>
    entry.isFile() && (DIGEST.test(entry.name) || isUnfinished(entry.name)),
  packages: (entry: Dirent) =>
    entry.isFile() && (PACKAGE.test(entry.name) || isUnfinished(entry.name)),
} satisfies Record<string, (entry: Dirent) => boolean | Promise<boolean>>;

export type Part = keyof typeof OWN;

export interface Contents {
  /** Names of what kragle made. */
  readonly own: readonly string[];
  /** Paths, relative to the home, of what it did not make. */
  readonly foreign: readonly string[];
}

/**
 * Tells apart what kragle made in a folder of its home and what somebody else put there, which is never touched. A folder that is a
 * link is somebody else's as a whole.
 */
export async function contentsOf(home: string, part: Part): Promise<Contents> {
  const folder = join(home, part);
  const facts = await lstat(folder).catch(() => undefined);
  if (!facts) return { own: [], foreign: [] };
  if (!facts.isDirectory()) return { own: [], foreign: [part] };
  const own: string[] = [];
  const foreign: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (await OWN[part](entry)) own.push(entry.name);
    else foreign.push(`${part}/${entry.name}`);
  }
  return { own: own.sort(), foreign: foreign.sort() };
}

/** Small files that are of no use any more: damaged ones that were put aside, and those that a process did not live to finish. */
export async function leftovers(home: string, part: "." | "stacks" | "iso"): Promise<string[]> {
  const entries = await readdir(join(home, part), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && (nameOfAside(entry.name) ?? isUnfinished(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * What the proofs of an image tell each other while they run (`run/refusal.ts`): a folder a stack, a file a stage, which holds a digest.
 * Its name may be anybody's, so the content tells.
 */
export async function refusalsIn(
  home: string,
): Promise<Contents & { readonly folders: readonly string[] }> {
  const own: string[] = [];
  const foreign: string[] = [];
  const folders: string[] = [];
  const entries = (folder: string) =>
    readdir(join(home, folder), { withFileTypes: true }).catch(() => []);
  const top = await lstat(join(home, REFUSED)).catch(() => undefined);
  if (top && !top.isDirectory()) foreign.push(REFUSED);
  for (const stack of top?.isDirectory() ? await entries(REFUSED) : []) {
    const folder = `${REFUSED}/${stack.name}`;
    folders.push(folder);
    if (!stack.isDirectory()) foreign.push(folder);
    for (const file of stack.isDirectory() ? await entries(folder) : []) {
      const path = join(home, folder, file.name);
      const isOurs =
        file.isFile() &&
        (isUnfinished(file.name) || DIGEST.test(readOwn(path)?.toString("latin1") ?? ""));
      if (isOurs) own.push(path);
      else foreign.push(`${folder}/${file.name}`);
    }
  }
  return { own, foreign, folders: [...folders, REFUSED] };
}
