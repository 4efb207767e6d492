import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { atomicWrite, isUnfinished } from "../host/atomicWrite";
import type { StageDescription } from "../plan/description";
import { parseRecord } from "./record";

/** One thing that a stack uses: it keeps an artifact from garbage collection, and tells a later plan what was there before. */
export interface Root {
  readonly stage: string;
  readonly key: string;
  readonly publishedAt: string;
  /** What it declared: names the input that changed, also when the artifact is gone. */
  readonly description?: StageDescription;
  /** How long the stage ran. */
  readonly seconds?: number;
}

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
  }

  async drop(stack: string, name: string): Promise<void> {
    await rm(join(this.folder(stack), fileName(name)), { force: true });
  }

  async dropStack(stack: string): Promise<void> {
    await rm(this.folder(stack), { recursive: true, force: true });
  }

  async stacks(): Promise<string[]> {
    const names = await readdir(join(this.home, "roots")).catch(onlyIfAbsent([]));
    return names.map(decodeURIComponent).sort();
  }

  async list(stack: string): Promise<ReadonlyMap<string, Root>> {
    const folder = this.folder(stack);
    const files = await readdir(folder).catch(onlyIfAbsent([]));
    const names = files.filter((name) => !isUnfinished(name));
    const found = new Map<string, Root>();
    for (const name of names.sort()) {
      const file = join(folder, name);
      const text = await readFile(file, "utf8").catch(onlyIfAbsent(""));
      // a root that a power cut left empty counts as absent
      if (text.trim()) found.set(decodeURIComponent(name), parseRecord<Root>(file, text));
    }
    return found;
  }
}

/** A stack's or a root's name as one of a file that neither leads out of its folder nor looks like one being written. */
const fileName = (name: string) =>
  encodeURIComponent(name).replace(/^\./, "%2E").replaceAll("~", "%7E");

/** An error other than "absent" is passed on: taken for "no roots", it would make garbage collection delete what a stack uses. */
const onlyIfAbsent =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
