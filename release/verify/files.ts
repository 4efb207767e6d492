import { availableParallelism } from "node:os";

import { UNLISTED } from "../layout";
import type { Sums } from "../sums";
import type { ReleaseFolder } from "./folder";

export interface FileState {
  readonly name: string;
  /**
   * "added" stands in the folder and not in the list; "left out" was not published, and is said not to have been; "not read" is large, and
   * nothing that can be believed says how large.
   */
  readonly state: "ok" | "altered" | "missing" | "added" | "left out" | "not read";
  /** Why it was not even compared. */
  readonly detail?: string;
}

interface Expected {
  /** Bytes by name, as far as anything that can be believed says them. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The names that a published version says it has; undefined for a whole release. */
  readonly published: ReadonlySet<string> | undefined;
}

/** Compares every file of a folder with the list, as many at once as there are processors; the list's come first. */
export async function compareFiles(
  folder: ReleaseFolder,
  { digests }: Sums,
  { sizes, published }: Expected,
): Promise<FileState[]> {
  const states = new Map<string, FileState>();
  const waiting = [...digests.keys()];
  const compare = async (name: string): Promise<FileState> => {
    const found = await folder.find(name, sizes.get(name));
    if ("sha256" in found) {
      return { name, state: found.sha256 === digests.get(name) ? "ok" : "altered" };
    }
    if ("unread" in found) return { name, state: "not read", detail: found.unread };
    if ("unsuitable" in found) return { name, state: "altered", detail: found.unsuitable };
    return { name, state: published && !published.has(name) ? "left out" : "missing" };
  };
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      states.set(name, await compare(name));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const added = (await folder.names()).filter(
    // of two names that are no UTF-8 and look alike, the list can mean one
    (name, index, all) =>
      name === all[index - 1] || (!digests.has(name) && !UNLISTED.includes(name)),
  );
  return [
    ...[...digests.keys()].map((name) => states.get(name)!),
    ...added.map((name) => ({ name, state: "added" as const })),
  ];
}
