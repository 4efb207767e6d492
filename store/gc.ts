import { rmdir } from "node:fs/promises";
import { join, relative } from "node:path";

import { listFiles } from "../host/files";
import { occupiedBytes } from "../host/freeSpace";
import { isClaimed } from "../host/home";
import { displayPath } from "../host/project";
import { removeTree } from "../host/removeTree";
import { image } from "../plan/stages/image";
import { point } from "../plan/stages/point";
import { contentsOf, leftovers, refusalsIn } from "./ownership";
import { pointsPassed } from "./pointChain";
import { allRoots, type HeldRoots, releasesIn, type Root } from "./roots";
import { recordsWithoutRoots } from "./stackRecord";
import { Workplace } from "./workplace";
import type { ArtifactStore } from "./artifactStore";

export interface Collected {
  /** Names of the deleted artifacts, work folders, failure evidence, and downloaded packages as a whole, with the bytes that each occupied. */
  readonly deleted: readonly { readonly name: string; readonly bytes: number }[];
  /** Who keeps what; also stacks of other clones, and those whose configuration file is gone: what they use is never dropped silently. */
  readonly kept: readonly HeldRoots[];
  /** What lies in kragle's folders and was not made by it: left alone. */
  readonly foreign: readonly string[];
  /**
   * Files that said what a stack uses and cannot be read, and records of stacks whose roots are lost. While there is one, no artifact is
   * deleted: it may be what that stack uses.
   */
  readonly unreadable: readonly string[];
  /** What could not be deleted, and why. */
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Deletes what no stack uses. Takes the store's lock exclusively, so it never runs beside a stage.
 *
 * @param dryRun only say what would be deleted
 * @param points all points too: builds go on without, from the base
 * @throws LockHeld while a stage runs
 */
export async function collectGarbage(
  store: ArtifactStore,
  dryRun: boolean,
  points = false,
): Promise<Collected> {
  const { home } = store;
  if (!isClaimed(home)) return { deleted: [], kept: [], foreign: [], unreadable: [], failed: [] };
  const place = new Workplace(home);
  const release = await place.lockStore({ noWait: true });
  try {
    const kept = await allRoots(home);
    const roots = kept.flatMap((held) => [...held.roots.values()]);
    const usedBy = (root: Root) => [
      root,
      ...imageBelow(root),
      ...(points ? [] : pointsBelow(root)),
    ];
    const used = new Set(roots.flatMap(usedBy).map(artifactName));
    const rooted = kept
      .filter(({ roots }) => releasesIn(roots).length > 0)
      .map(({ folder }) => folder);
    const unreadable = [
      ...kept.flatMap(({ lost }) => lost),
      ...(await recordsWithoutRoots(home, new Set(rooted))),
    ];
    const deleted = [];
    const failed = [];
    const foreign = [];
    for (const part of ["store", "work", "failed", "trash"] as const) {
      const contents = await contentsOf(home, part);
      foreign.push(...contents.foreign);
      if (part === "store" && unreadable.length > 0) continue;
      for (const own of contents.own) {
        if (part === "store" && used.has(own)) continue;
        const name = `${part}/${own}`;
        const bytes = await folderBytes(join(home, name));
        try {
          if (!dryRun) await place.discard(join(home, name));
          deleted.push({ name, bytes });
        } catch (error) {
          failed.push({ name, reason: (error as Error).message });
        }
      }
    }
    const packages = await dropPackages(home, dryRun);
    if (packages.bytes > 0) deleted.push({ name: "packages", bytes: packages.bytes });
    const caches = await dropCaches(home, dryRun);
    foreign.push(...packages.foreign, ...caches.foreign);
    failed.push(...packages.failed, ...caches.failed);
    return { deleted, kept, foreign, unreadable: unreadable.map(displayPath), failed };
  } finally {
    await release();
  }
}

const artifactName = ({ stage, key }: Pick<Root, "stage" | "key">) => `${stage}-${key}`;

/** An image is used with the one that it is made on, which may be another stack's, who lets go of it with its next release. */
const imageBelow = ({ stage, description }: Root): Pick<Root, "stage" | "key">[] => {
  const key = stage === image.stage ? description?.upstream.image : undefined;
  return key === undefined ? [] : [{ stage, key }];
};

/** An image is used with the points of its build, from which the next one goes on. */
const pointsBelow = ({ description }: Root): Pick<Root, "stage" | "key">[] =>
  (description ? pointsPassed(description) : []).map(({ key }) => ({ stage: point.stage, key }));

/**
 * Deletes what is made again where it is needed: notes on verified files (see VerifiedFiles), copies of small files for stages.
 *
 * @returns what lies among it and is not kragle's, and what could not be deleted
 */
async function dropCaches(
  home: string,
  dryRun: boolean,
): Promise<Pick<Collected, "foreign" | "failed">> {
  const foreign = [];
  const failed: Collected["failed"][number][] = [];
  const files = [];
  for (const part of ["verified", "bundles"] as const) {
    const contents = await contentsOf(home, part);
    foreign.push(...contents.foreign);
    files.push(...contents.own.map((name) => join(home, part, name)));
  }
  for (const part of [".", "stacks", "iso"] as const) files.push(...(await leftovers(home, part)));
  const told = await refusalsIn(home);
  foreign.push(...told.foreign);
  files.push(...told.own);
  if (dryRun) return { foreign, failed };
  for (const file of files) {
    const { message: reason } = (await removeTree(file).catch((error: Error) => error)) ?? {};
    if (reason !== undefined) failed.push({ name: relative(home, file), reason });
  }
  for (const folder of ["verified", "bundles", ...told.folders]) {
    // where somebody else's files lie in it, it stays
    await rmdir(join(home, folder)).catch(() => undefined);
  }
  return { foreign, failed };
}

/** Deletes the package files that builds have downloaded: later ones download what they need. */
async function dropPackages(
  home: string,
  dryRun: boolean,
): Promise<Pick<Collected, "foreign" | "failed"> & { readonly bytes: number }> {
  const { own, foreign } = await contentsOf(home, "packages");
  const failed: Collected["failed"][number][] = [];
  let bytes = 0;
  for (const name of own) {
    const file = join(home, "packages", name);
    const size = await occupiedBytes(file);
    try {
      if (!dryRun) await removeTree(file);
      bytes += size;
    } catch (error) {
      failed.push({ name: relative(home, file), reason: (error as Error).message });
    }
  }
  return { bytes, foreign, failed };
}

/** What it takes on the disk; less where this user may not look at all of it. */
async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await listFiles(folder).catch(() => [])) {
    bytes += await occupiedBytes(join(folder, name));
  }
  return bytes;
}
