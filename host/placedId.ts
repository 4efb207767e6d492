import { createHash, randomUUID } from "node:crypto";
import { type BigIntStats, mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { z } from "zod";

import { replaceNow, writeOnce } from "./atomicWrite";
import { EXIT, StageFailure } from "./failure";
import { isSameFile } from "./files";
import { displayPath } from "./project";
import { parseRecord, readOwn, readSmallFile } from "./record";
import { asUuid, UUID } from "./uuid";

const placedSchema = z.object({
  id: z.string().regex(UUID, "it holds no UUID"),
  /** The folder that has it, by its real path; empty in files of earlier versions. */
  path: z.string(),
  /** Where the folder lies of which this one is a copy. */
  copyOf: z.string().optional(),
});

/** An id that a folder has, and the place where it has it. */
export type PlacedId = Readonly<z.infer<typeof placedSchema>>;

/**
 * The id of a folder, from a file in it, made where there is none. The file says where the folder lay, so that a copy of the folder
 * notices that it is one, and gets an id of its own; a folder that was moved keeps its id.
 *
 * @param folder what the id is of
 * @param file where it stands, inside of the folder
 * @param again what happens where the file is damaged, as a sentence without its end
 * @throws the file system's error where there is no id yet, and none can be written
 */
export function placedId(folder: string, file: string, again: string): PlacedId {
  // before it is read: where another run replaces it meanwhile, that one's id is read
  const facts = statSync(file, { bigint: true, throwIfNoEntry: false });
  const found = readSmallFile(file, parse, again);
  if (!found || !facts) return found ?? create(folder, file);
  const path = realpathSync(folder);
  if (found.path === path || isSameFolder(found.path, path)) return found;
  const isCopy =
    found.path !== "" && readPlacedId(join(found.path, relative(folder, file)))?.id === found.id;
  const own: PlacedId = isCopy
    ? { id: idOfCopy(found, path, facts), path, copyOf: found.path }
    : { ...found, path };
  try {
    replaceNow(file, encode(own));
  } catch {
    // on a full or read-only disk: the next run comes to the same
  }
  return own;
}

/** The id in a file, as it stands there; undefined where there is none. */
export function readPlacedId(file: string): PlacedId | undefined {
  try {
    return parse(readOwn(file)!);
  } catch {
    return undefined;
  }
}

function parse(bytes: Buffer): PlacedId {
  const text = bytes.toString("latin1").trim();
  // as earlier versions wrote it: without a place
  if (UUID.test(text)) return { id: text, path: "" };
  if (!text.startsWith("{")) throw new Error("it holds no UUID");
  return parseRecord(bytes, placedSchema);
}

/** One folder can have two paths, by a mount. */
function isSameFolder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && isSameFile(a, b);
}

/** The same for all who notice at once that a folder is a copy, and another one for each copy: its file is another one. */
function idOfCopy({ id }: PlacedId, path: string, { dev, ino, ctimeNs }: BigIntStats): string {
  const digest = createHash("sha256")
    .update([id, path, dev, ino, ctimeNs].join("\n"))
    .digest("hex");
  return asUuid(digest);
}

function create(folder: string, file: string): PlacedId {
  mkdirSync(dirname(file), { recursive: true });
  const own = { id: randomUUID(), path: realpathSync(folder) };
  if (writeOnce(file, encode(own))) return own;
  const winner = readPlacedId(file);
  if (winner) return winner;
  throw new StageFailure(`${displayPath(file)} is not kragle's, and stands where it keeps an id`, {
    hint: "see who put it there, move it away, and run the same command again",
    exitCode: EXIT.lacking,
  });
}

const encode = (own: PlacedId) => JSON.stringify(own) + "\n";
