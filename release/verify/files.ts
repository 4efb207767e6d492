import { lstat, readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";

import { NAMES, UNLISTED } from "../layout";
import { sha256File } from "../../host/files";

export interface Sums {
  readonly digests: ReadonlyMap<string, string>;
  /** What is wrong with the list itself. */
  readonly problems: readonly string[];
}

export interface FileState {
  readonly name: string;
  /** "added" stands in the folder and not in the list. */
  readonly state: "ok" | "altered" | "missing" | "added";
}

/** Reads `SHA256SUMS`; undefined where the folder has none. */
export async function readSums(folder: string): Promise<Sums | undefined> {
  const text = await readFile(join(folder, NAMES.sums), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const digests = new Map<string, string>();
  const problems: string[] = [];
  const lines = text.split("\n");
  if (lines.pop() !== "") problems.push("its last line is cut off");
  for (const [index, line] of lines.entries()) {
    const [, sha256, name] = /^([0-9a-f]{64}) \*(.+)$/.exec(line) ?? [];
    if (!sha256 || !name) problems.push(`line ${index + 1} is not one of sha256sum`);
    else if (leadsOut(name)) problems.push(`${JSON.stringify(name)} leads out of the folder`);
    else if (digests.has(name)) problems.push(`${name} stands in it twice`);
    else digests.set(name, sha256);
  }
  if (digests.size === 0) problems.push("it lists nothing");
  return { digests, problems };
}

const leadsOut = (name: string) => name.startsWith("/") || name.split("/").includes("..");

/** Compares every file of a folder with the list, as many at once as there are processors; the list's come first. */
export async function compareFiles(folder: string, { digests }: Sums): Promise<FileState[]> {
  const states = new Map<string, FileState["state"]>();
  const waiting = [...digests.keys()];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      states.set(name, await compare(join(folder, name), digests.get(name)!));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const added = (await everythingIn(folder)).filter(
    (name) => !digests.has(name) && !UNLISTED.includes(name),
  );
  return [
    ...[...digests.keys()].map((name) => ({ name, state: states.get(name)! })),
    ...added.map((name) => ({ name, state: "added" as const })),
  ];
}

async function compare(path: string, sha256: string): Promise<FileState["state"]> {
  const facts = await lstat(path).catch(() => undefined);
  if (!facts) return "missing";
  // a link may lead to another file tomorrow
  if (!facts.isFile()) return "altered";
  return (await sha256File(path).catch(() => undefined)) === sha256 ? "ok" : "altered";
}

/** Whatever is no folder, links too. */
async function everythingIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
