import type { Dirent } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { atomicWrite, isUnfinished } from "../host/atomicWrite";
import { displayPath } from "../host/project";
import { nameOfAside, readRecord } from "../host/record";
import { readIfRegular } from "../host/regularFile";
import { warn } from "../host/warn";
import { descriptionSchema } from "../plan/description";
import { identitySchema } from "../plan/identity";
import { fileName, nameOf } from "./names";

const rootSchema = z.object({
  stage: z.string(),
  key: z.string(),
  publishedAt: z.string(),
  /** What it declared: names the input that changed, also when the artifact is gone. */
  description: descriptionSchema.optional(),
  /** How long the stage ran. */
  seconds: z.number().optional(),
  /** The project's folder, where the stage laid files down outside of the store: relative paths of them lead from there. */
  folder: z.string().optional(),
});

/** One thing that a stack uses: it keeps an artifact from garbage collection, and tells a later plan what was there before. */
export type Root = Readonly<z.infer<typeof rootSchema>>;

const ownerSchema = identitySchema.extend({
  /** Where the clone lay when it noted the roots. */
  path: z.string(),
});

/** Whose roots a folder has: for people, and for garbage collection. */
export type RootsOwner = Readonly<z.infer<typeof ownerSchema>>;

/** No root is called so: its name would begin with %2E. */
const OWNER = ".owner.json";

/** A folder below `.kragle/roots/`: what one stack uses, a file each, and whose they are. */
export class RootFolder {
  constructor(readonly path: string) {}

  async set(name: string, root: Root): Promise<void> {
    await writeIfOther(join(this.path, fileName(name)), root);
    await this.dropAsides(name);
  }

  async drop(name: string): Promise<void> {
    await rm(join(this.path, fileName(name)), { force: true });
    await this.dropAsides(name);
  }

  /** Deletes the stack's roots; what else lies in its folder stays, and keeps the folder. */
  async dropAll(): Promise<void> {
    for (const entry of await entriesOf(this.path)) {
      if (entry.isFile() && isOwn(entry.name)) {
        await rm(join(this.path, entry.name), { force: true });
      }
    }
    await rmdir(this.path).catch(() => undefined);
  }

  /** The roots that can be read; see {@link lost} for others. */
  async list(): Promise<ReadonlyMap<string, Root>> {
    const found = new Map<string, Root>();
    for (const { name: file } of await entriesOf(this.path)) {
      const name = nameOf(file);
      if (!isOwn(file)) ignore(join(this.path, file));
      if (name === undefined) continue;
      const again = "./kragle up of its stack writes it again";
      const root = await readRecord(join(this.path, file), rootSchema, again);
      if (root) found.set(name, root);
    }
    return found;
  }

  /**
   * Files under which a root of the stack cannot be read, so that nobody knows what it kept; a root that is set again is not among them.
   *
   * @param readable what {@link list} has just given
   */
  async lost(readable: ReadonlyMap<string, Root>): Promise<string[]> {
    const files = (await entriesOf(this.path)).map(({ name }) => name);
    return files
      .filter((file) => {
        const name = nameOf(nameOfAside(file) ?? file);
        return name !== undefined && !readable.has(name);
      })
      .map((file) => join(this.path, file));
  }

  /** Undefined where an earlier version noted the roots, or it cannot be read. */
  owner(): Promise<RootsOwner | undefined> {
    const again = "./kragle up of its stack writes it again";
    return readRecord(join(this.path, OWNER), ownerSchema, again);
  }

  setOwner(owner: RootsOwner): Promise<void> {
    return writeIfOther(join(this.path, OWNER), owner);
  }

  /** What was put aside of a root counts until the root is known again. */
  private async dropAsides(name: string): Promise<void> {
    for (const { name: file } of await entriesOf(this.path)) {
      if (nameOfAside(file) === fileName(name)) await rm(join(this.path, file), { force: true });
    }
  }
}

/** Most runs change nothing, and a synced write costs milliseconds each. */
async function writeIfOther(file: string, value: object): Promise<void> {
  const text = JSON.stringify(value) + "\n";
  if (readIfRegular(file, Buffer.byteLength(text))?.toString() !== text)
    await atomicWrite(file, text);
}

/** Whether a file in a stack's folder is kragle's: a root, one that was put aside, one being written, or the owner's. */
const isOwn = (file: string) =>
  file === OWNER ||
  nameOfAside(file) === OWNER ||
  nameOf(nameOfAside(file) ?? file) !== undefined ||
  isUnfinished(file);

export const ignore = (path: string): void =>
  warn(`${displayPath(path)} is not kragle's; it is left alone, and not read`);

/** An error other than "absent" is passed on: taken for "no roots", it would make garbage collection delete what a stack uses. */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    },
  );
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
