import { randomUUID } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";

/** An id that a folder has, and the place where it has it. */
export interface PlacedId {
  readonly id: string;
  /** The folder that has it, by its real path. */
  readonly path: string;
  /** Where the folder lies of which this one is a copy. */
  readonly copyOf?: string;
}

/**
 * The id of a folder, from a file in it, made where there is none. The file says where the folder lay, so that a copy of the folder
 * notices that it is one, and gets an id of its own; a folder that was moved keeps its id.
 *
 * @param folder what the id is of
 * @param file where it stands, inside of the folder
 */
export function placedId(folder: string, file: string): PlacedId {
  mkdirSync(dirname(file), { recursive: true });
  const path = realpathSync(folder);
  const found = read(file);
  if (found?.path === path) return found;
  if (!found) return create(file, { id: randomUUID(), path });
  // as earlier versions wrote it: without a place
  if (!found.path) return replace(file, { ...found, path });
  if (isSameFolder(found.path, path)) return found;
  const original = read(join(found.path, relative(folder, file)));
  if (original?.id !== found.id) return replace(file, { ...found, path });
  return replace(file, { id: randomUUID(), path, copyOf: found.path });
}

function read(file: string): PlacedId | undefined {
  try {
    const text = readFileSync(file, "utf8").trim();
    if (/^[0-9a-f-]{36}$/.test(text)) return { id: text, path: "" };
    const { id, path, copyOf } = JSON.parse(text) as PlacedId;
    if (!id || !path) return undefined;
    return { id, path, ...(copyOf ? { copyOf } : {}) };
  } catch {
    return undefined;
  }
}

/** One folder can have two paths, by a mount. */
function isSameFolder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}

/** By a link, not a rename: where another first run was quicker it fails, and that run's id stays. */
function create(file: string, own: PlacedId): PlacedId {
  const fresh = unfinished(file, own);
  try {
    linkSync(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const winner = read(file);
    if (winner) return winner;
    // what stands there is no id: a power cut left it
    renameSync(fresh, file);
    return own;
  }
  unlinkSync(fresh);
  return own;
}

function replace(file: string, own: PlacedId): PlacedId {
  renameSync(unfinished(file, own), file);
  return own;
}

function unfinished(file: string, own: PlacedId): string {
  const fresh = `${file}.${process.pid}~`;
  try {
    writeFileSync(fresh, JSON.stringify(own) + "\n", { flush: true });
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  return fresh;
}
