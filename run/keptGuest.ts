import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { atomicWrite } from "../host/atomicWrite";
import { readRecord } from "../host/record";
import { KEEP } from "../plan/invocation";
import type { ArtifactStore } from "../store/artifactStore";

const POLL_MS = 500;

/** What build_image.py notes when it keeps a guest. */
const noteSchema = z.strictObject({ port: z.int() });

/** Where a kept guest is: the labels of its container, and the port on that container's loopback that leads to its SSH. */
const keptSchema = z.strictObject({ storeId: z.string(), key: z.string(), port: z.int() });
export type KeptGuest = Readonly<z.infer<typeof keptSchema>>;

/** The files in the work folder by which the container and its stage talk, see kept_guest.py; the first is handed on. */
const [NOTE, LET_GO] = ["kept.json", "let-go"] as const;

/** Reads what a stage has told in that folder; undefined as long as no guest is kept. */
export const readKept = (folder: string): Promise<KeptGuest | undefined> =>
  readRecord(join(folder, NOTE), keptSchema, "the guest that is kept is not known");

/**
 * Tells `up --keep`, where that asks for it by a folder that it names in the environment, when the container keeps a failed guest; and
 * the container to let it go when that folder is gone.
 *
 * @returns a function that ends this; undefined where nobody asks
 */
export function keepGuest({
  work,
  key,
  store,
}: {
  readonly work: string;
  readonly key: string;
  readonly store: Pick<ArtifactStore, "id">;
}): (() => void) | undefined {
  const folder = process.env[KEEP];
  if (folder === undefined) return undefined;
  let told = false;
  const look = async () => {
    if (!existsSync(folder)) {
      await writeFile(join(work, LET_GO), "");
      return;
    }
    const note = told
      ? undefined
      : await readRecord(join(work, NOTE), noteSchema, "the guest cannot be looked into");
    if (!note) return;
    told = true;
    await atomicWrite(join(folder, NOTE), JSON.stringify({ storeId: store.id, key, ...note }));
  };
  const timer = setInterval(() => void look().catch(() => undefined), POLL_MS);
  return () => clearInterval(timer);
}
