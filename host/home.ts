import { randomUUID } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

import { isUnfinished } from "./atomicWrite";
import { EXIT, StageFailure } from "./failure";
import { displayPath, projectFolder } from "./project";
import { readSmallFile } from "./record";

/** Counts up when a home is laid out so that an earlier kragle would do harm in it. */
const FORMAT = 1;
const MARK = "kragle-home.json";
const ID = "id";
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * The folder of store, roots, locks and logs: `.kragle` in the project, or what `KRAGLE_HOME` names, for instance on a larger disk.
 *
 * @throws StageFailure (exit code 2) where that folder is somebody else's; nothing has been written then
 */
export function homeFolder(environment = process.env): string {
  const given = environment.KRAGLE_HOME;
  const home = resolve(projectFolder, given || ".kragle");
  const problem = problemOf(home, home === join(projectFolder, ".kragle"));
  if (!problem) return home;
  throw new StageFailure(`${given ? "KRAGLE_HOME names " : ""}${displayPath(home)}, ${problem}`, {
    hint: "let KRAGLE_HOME name a new or an empty folder; nothing was changed in this one",
    exitCode: EXIT.wrongSettings,
  });
}

/** Why a folder cannot be the home; undefined for one that is, or that can become one. */
function problemOf(home: string, inProject: boolean): string | undefined {
  let names;
  try {
    names = readdirSync(home);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "ENOTDIR") return "which is no folder";
    throw error;
  }
  if (names.includes(MARK)) {
    const format = readMark(home) ?? FORMAT;
    if (format <= FORMAT) return undefined;
    return `whose format ${format} is of a newer kragle; this one knows ${FORMAT}`;
  }
  // homes of earlier versions have no mark; set-up puts Node into the project's own before there is one
  if (inProject || (names.includes(ID) && UUID.test(text(join(home, ID)).trim()))) return undefined;
  // a disk's own folder, and what a first run leaves that was killed
  const others = names.filter((name) => name !== "lost+found" && !isUnfinished(name));
  if (others.length === 0) return undefined;
  const some = others.slice(0, 3).join(", ") + (others.length > 3 ? ", …" : "");
  return `which is not empty (it has ${some}) and has no ${MARK}, by which kragle knows its own folder`;
}

/** Whether kragle has worked here; where it has not, there is nothing of its own to delete. */
export const isClaimed = (home: string): boolean =>
  [MARK, ID].some((name) => existsSync(join(home, name)));

/**
 * Makes the home where there is none yet, and marks it.
 *
 * @returns its id: tells containers, losses and publications of this machine's store from those of others
 */
export function claimHome(home: string): string {
  const known = readId(home);
  try {
    mkdirSync(home, { recursive: true });
    writeOnce(home, MARK, JSON.stringify({ format: FORMAT }) + "\n");
  } catch (error) {
    // a home of an earlier version, on a disk that is full or read-only: that matters where something else has to be written
    if (known === undefined) throw error;
  }
  if (known !== undefined) return known;
  writeOnce(home, ID, randomUUID());
  return text(join(home, ID)).trim();
}

const readId = (home: string) =>
  readSmallFile(
    join(home, ID),
    (bytes) => {
      const id = bytes.toString("latin1").trim();
      if (!UUID.test(id)) throw new Error("it holds no UUID");
      return id;
    },
    "the store gets a new id",
  );

const readMark = (home: string) =>
  readSmallFile(
    join(home, MARK),
    (bytes) => {
      const { format } = JSON.parse(bytes.toString()) as { format: unknown };
      if (typeof format !== "number") throw new Error("it names no format");
      return format;
    },
    "it is written again",
  );

/** Where several write at once, the first of them wins. */
function writeOnce(home: string, name: string, content: string): void {
  if (text(join(home, name)) !== "") return;
  const fresh = join(home, `.${randomUUID()}~`);
  try {
    writeFileSync(fresh, content, { flush: true });
    // by a link, not a rename, which would replace what a quicker run wrote
    linkSync(fresh, join(home, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    try {
      unlinkSync(fresh);
    } catch {
      // it was never made
    }
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
