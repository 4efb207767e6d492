import type { Dirent } from "node:fs";
import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { atomicWrite, isUnfinished } from "../host/atomicWrite";
import { displayPath } from "../host/project";
import { nameOfAside, readRecord } from "../host/record";
import { warn } from "../host/warn";
import { descriptionSchema } from "../plan/description";

const rootSchema = z.object({
  stage: z.string(),
  key: z.string(),
  publishedAt: z.string(),
  /** What it declared: names the input that changed, also when the artifact is gone. */
  description: descriptionSchema.optional(),
  /** How long the stage ran. */
  seconds: z.number().optional(),
});

/** One thing that a stack uses: it keeps an artifact from garbage collection, and tells a later plan what was there before. */
export type Root = Readonly<z.infer<typeof rootSchema>>;

/** `.kragle/roots/<stack>/<name>`: what each stack uses, a file each. */
export class Roots {
  constructor(private readonly home: string) {}

  private folder(stack: string): string {
    return join(this.home, "roots", fileName(stack));
  }

  async set(stack: string, name: string, root: Root): Promise<void> {
    const file = join(this.folder(stack), fileName(name));
    const text = JSON.stringify(root) + "\n";
    // most runs change nothing, and a synced write costs milliseconds each
    if ((await readFile(file, "utf8").catch(() => undefined)) !== text)
      await atomicWrite(file, text);
    await this.dropAsides(stack, name);
  }

  async drop(stack: string, name: string): Promise<void> {
    await rm(join(this.folder(stack), fileName(name)), { force: true });
    await this.dropAsides(stack, name);
  }

  /** Deletes the stack's roots; what else lies in its folder stays, and keeps the folder. */
  async dropStack(stack: string): Promise<void> {
    const folder = this.folder(stack);
    for (const entry of await entriesOf(folder)) {
      if (entry.isFile() && isOwn(entry.name)) await rm(join(folder, entry.name), { force: true });
    }
    await rmdir(folder).catch(() => undefined);
  }

  async stacks(): Promise<string[]> {
    const folder = join(this.home, "roots");
    const found = (await entriesOf(folder)).map((entry) => {
      const stack = entry.isDirectory() ? nameOf(entry.name) : undefined;
      if (stack === undefined) ignore(join(folder, entry.name));
      return stack;
    });
    return found.filter((stack) => stack !== undefined).sort();
  }

  /** The roots that can be read; see {@link lost} for others. */
  async list(stack: string): Promise<ReadonlyMap<string, Root>> {
    const folder = this.folder(stack);
    const found = new Map<string, Root>();
    for (const { name: file } of await entriesOf(folder)) {
      const name = nameOf(file);
      if (!isOwn(file)) ignore(join(folder, file));
      if (name === undefined) continue;
      const again = `./kragle up -s ${stack} writes it again`;
      const root = await readRecord(join(folder, file), rootSchema, again);
      if (root) found.set(name, root);
    }
    return found;
  }

  /** Files under which a root of the stack cannot be read, so that nobody knows what it kept; a root that is set again is not among them. */
  async lost(stack: string): Promise<string[]> {
    const readable = await this.list(stack);
    const folder = this.folder(stack);
    const files = (await entriesOf(folder)).map(({ name }) => name);
    return files
      .filter((file) => {
        const name = nameOf(nameOfAside(file) ?? file);
        return name !== undefined && !readable.has(name);
      })
      .map((file) => join(folder, file));
  }

  /** What was put aside of a root counts until the root is known again. */
  private async dropAsides(stack: string, name: string): Promise<void> {
    const folder = this.folder(stack);
    for (const { name: file } of await entriesOf(folder)) {
      if (nameOfAside(file) === fileName(name)) await rm(join(folder, file), { force: true });
    }
  }
}

/** A stack's or a root's name as one of a file that neither leads out of its folder nor looks like one being written. */
const fileName = (name: string) =>
  encodeURIComponent(name).replace(/^\./, "%2E").replaceAll("~", "%7E");

/** What kragle names so; undefined for a file whose name it never gives. */
function nameOf(file: string): string | undefined {
  try {
    const name = decodeURIComponent(file);
    return fileName(name) === file ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a file in a stack's folder is kragle's: a root, one that was put aside, or one being written. */
const isOwn = (file: string) =>
  nameOf(nameOfAside(file) ?? file) !== undefined || isUnfinished(file);

const ignore = (path: string) =>
  warn(`${displayPath(path)} is not kragle's; it is left alone, and not read`);

/** An error other than "absent" is passed on: taken for "no roots", it would make garbage collection delete what a stack uses. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    },
  );
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
