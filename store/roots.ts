import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One thing that a stack uses: it keeps an artifact from garbage collection, and tells a later plan what was there before. */
export interface Root {
  readonly stage: string;
  readonly key: string;
  readonly publishedAt: string;
}

/** `.kragle/roots/<stack>/<name>`: what each stack uses, a file each. */
export class Roots {
  constructor(private readonly home: string) {}

  private folder(stack: string): string {
    return join(this.home, "roots", encodeURIComponent(stack));
  }

  async set(stack: string, name: string, root: Root): Promise<void> {
    const folder = this.folder(stack);
    await mkdir(folder, { recursive: true });
    const file = join(folder, encodeURIComponent(name));
    await writeFile(`${file}.${process.pid}~`, JSON.stringify(root) + "\n");
    await rename(`${file}.${process.pid}~`, file);
  }

  async drop(stack: string, name: string): Promise<void> {
    await rm(join(this.folder(stack), encodeURIComponent(name)), { force: true });
  }

  async dropStack(stack: string): Promise<void> {
    await rm(this.folder(stack), { recursive: true, force: true });
  }

  async stacks(): Promise<string[]> {
    const names = await readdir(join(this.home, "roots")).catch(() => []);
    return names.map(decodeURIComponent).sort();
  }

  async list(stack: string): Promise<ReadonlyMap<string, Root>> {
    const folder = this.folder(stack);
    const names = (await readdir(folder).catch(() => [])).filter((name) => !name.endsWith("~"));
    const found = new Map<string, Root>();
    for (const name of names.sort()) {
      const text = await readFile(join(folder, name), "utf8").catch(() => "");
      // a root that a power cut left empty counts as absent
      if (text.trim()) found.set(decodeURIComponent(name), JSON.parse(text) as Root);
    }
    return found;
  }
}
