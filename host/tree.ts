import { createHash } from "node:crypto";
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { join } from "node:path";

/** What {@link readTree} calls the file or folder itself. */
export const ITSELF = ".";

/** A file, folder or link of a tree. */
export interface TreeEntry {
  /** Relative to the tree's top; {@link ITSELF} is that. */
  readonly name: string;
  readonly kind: "file" | "folder" | "link";
  readonly bytes: number;
  readonly executable: boolean;
  /** Of a link. */
  readonly target: string;
}

/** A tree of files as it is to be copied somewhere else. */
export interface Tree {
  /** Sorted by name, a folder before what is in it. */
  readonly entries: readonly TreeEntry[];
  /** What of it cannot be copied, a line each. */
  readonly problems: readonly string[];
}

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f\ufffd]/;

/** How a tree is read. */
interface TreeOptions {
  /** Names, wherever in the tree, that are not looked at. */
  readonly leftOut?: readonly string[];
  /** Whether what a link leads to is looked at in its place. */
  readonly follow?: boolean;
}

/**
 * Looks at a file, or at a folder with all that it holds. Links inside of it stay links, unless they are followed; where the path itself
 * is one, it is followed.
 *
 * @param path absolute
 * @throws where there is nothing under that path, or where a link that is followed leads nowhere, or round in a circle
 */
export function readTree(path: string, options: TreeOptions = {}): Tree {
  const { leftOut = [], follow = false } = options;
  const look = follow ? statSync : lstatSync;
  const problems: string[] = [];
  const visit = (name: string, facts: Stats): TreeEntry[] => {
    const at = join(path, name);
    if (CONTROL.test(name)) {
      problems.push(`${JSON.stringify(name)} has a character in its name that is no text`);
      return [];
    }
    const kind = facts.isFile()
      ? "file"
      : facts.isDirectory()
        ? "folder"
        : facts.isSymbolicLink()
          ? "link"
          : undefined;
    if (!kind) {
      problems.push(`"${name}" is ${oddKind(facts)}, which cannot be copied`);
      return [];
    }
    const entry: TreeEntry = {
      ...{ name, kind },
      bytes: kind === "file" ? facts.size : 0,
      executable: kind === "file" && (facts.mode & 0o111) !== 0,
      target: kind === "link" ? readlinkSync(at) : "",
    };
    if (kind !== "folder") return [entry];
    const below = readdirSync(at)
      .filter((part) => !leftOut.includes(part))
      .sort()
      .flatMap((part) => {
        const inside = name === ITSELF ? part : `${name}/${part}`;
        // a name that is no UTF-8 does not lead back to its file
        return CONTROL.test(part) ? visit(inside, facts) : visit(inside, look(join(path, inside)));
      });
    return [entry, ...below];
  };
  return { entries: visit(ITSELF, statSync(path)), problems };
}

const oddKind = (facts: Stats) =>
  facts.isSocket() ? "a socket" : facts.isFIFO() ? "a pipe (FIFO)" : "a device";

/** Bytes that are read at a time. */
const CHUNK = 2 ** 22;

/** SHA-256 of a file of any size. */
function digestOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const bytes = readSync(file, buffer);
      if (bytes === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytes));
    }
  } finally {
    closeSync(file);
  }
}

/**
 * What a tree holds, by name: the SHA-256 of a file, with "+x" where it is executable; "folder"; "-> " and the target of a link. Owner,
 * time and other modes make no difference.
 */
export function treeDigests(path: string, options: TreeOptions = {}): Record<string, string> {
  const { entries } = readTree(path, options);
  return Object.fromEntries(
    entries.map(({ name, kind, executable, target }) => {
      if (kind === "folder") return [name, "folder"];
      if (kind === "link") return [name, `-> ${target}`];
      return [name, digestOf(join(path, name)) + (executable ? "+x" : "")];
    }),
  );
}
