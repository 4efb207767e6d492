import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { listFiles } from "../host/files";
import { bundlesFolder } from "./bundles";
import { Roots } from "./roots";
import { Workplace } from "./workplace";
import type { ArtifactStore } from "./artifactStore";

export interface Collected {
  /** Names of the deleted artifacts, work folders and failure evidence, with the bytes that each occupied. */
  readonly deleted: readonly { readonly name: string; readonly bytes: number }[];
  /** What each stack keeps; also stacks whose configuration file is gone: what they use is never dropped silently. */
  readonly kept: Readonly<Record<string, number>>;
}

/**
 * Deletes what no stack uses. Takes the store's lock exclusively, so it never runs beside a stage.
 *
 * @param dryRun only say what would be deleted
 * @throws LockHeld while a stage runs
 */
export async function collectGarbage(store: ArtifactStore, dryRun: boolean): Promise<Collected> {
  const place = new Workplace(store.home);
  const release = await place.lockStore({ noWait: true });
  try {
    const roots = new Roots(store.home);
    const used = new Set<string>();
    const kept: Record<string, number> = {};
    for (const stack of await roots.stacks()) {
      const list = await roots.list(stack);
      for (const root of list.values()) used.add(`${root.stage}-${root.key}`);
      kept[stack] = list.size;
    }
    const deleted = [];
    for (const part of ["store", "work", "failed", "trash"]) {
      for (const name of await readdir(join(store.home, part)).catch(() => [])) {
        if (part === "store" && used.has(name)) continue;
        const folder = join(store.home, part, name);
        deleted.push({ name: `${part}/${name}`, bytes: await occupiedBytes(folder) });
        if (!dryRun) await place.discard(folder);
      }
    }
    if (!dryRun) {
      // both are made again where needed: notes on verified files (see VerifiedFiles), and copies of small files for stages
      for (const folder of [join(store.home, "verified"), bundlesFolder(store.home)]) {
        await rm(folder, { recursive: true, force: true });
      }
    }
    return { deleted, kept };
  } finally {
    await release();
  }
}

async function occupiedBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await listFiles(folder)) {
    bytes += (await stat(join(folder, name))).blocks * 512;
  }
  return bytes;
}
