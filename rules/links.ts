import { posix } from "node:path";

import type { Entry, Facts } from "./facts";

/** Folders that are links in many systems, whose targets have to be known for others that lead through them. */
export const LINKED_FOLDERS = ["/{bin,sbin,lib,lib64}", "/var/{run,lock}"];

/** As many as Linux follows. */
const MOST = 40;

/**
 * The text of the file to which a symbolic link of the image leads: null where that was not read, or nobody can tell which it is;
 * undefined where nothing on the disk has a text there.
 */
export function followed(
  link: string,
  { contents }: Facts,
  entries: readonly Entry[],
): string | null | undefined {
  const types = new Map(entries.map(({ path, type }) => [path, type]));
  let path = link;
  for (let hops = 0; hops <= MOST; hops++) {
    const first = firstLink(path, types);
    if (first === undefined) {
      return types.get(path) === "file" ? (contents[path] ?? null) : undefined;
    }
    const target = contents[first];
    if (target === undefined) return null;
    path = posix.join("/", posix.resolve(posix.dirname(first), target), path.slice(first.length));
  }
  return undefined;
}

/** The first part of a path that is a link. */
function firstLink(path: string, types: ReadonlyMap<string, Entry["type"]>): string | undefined {
  const parts = path.split("/").slice(1);
  const prefixes = parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
  return prefixes.find((prefix) => types.get(prefix) === "link");
}
