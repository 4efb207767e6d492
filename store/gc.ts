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
  /** What each stack keeps; stacks that no configuration knows are listed like the others, never dropped silently. */
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
    for (const room of ["store", "work", "failed", "trash"]) {
      for (const name of await readdir(join(store.home, room)).catch(() => [])) {
        if (room === "store" && used.has(name)) continue;
        const folder = join(store.home, room, name);
        deleted.push({ name: `${room}/${name}`, bytes: await occupiedBytes(folder) });
        if (!dryRun) await place.discard(folder);
      }
    }
    if (!dryRun) {
      // notes on files: what is still there is read once more; copies of small files: a stage makes those that it needs
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
