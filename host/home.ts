import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";

import { isUnfinished, writeOnce } from "./atomicWrite";
import { EXIT, StageFailure } from "./failure";
import { placedId, readPlacedId } from "./placedId";
import { fewOf } from "./printable";
import { displayPath, homePath, projectFolder } from "./project";
import { readSmallFile } from "./record";

/** Counts up when a home is laid out so that an earlier kragle would do harm in it. */
const FORMAT = 1;
const MARK = "kragle-home.json";
const ID = "id";

/**
 * The folder of store, roots, locks and logs: `.kragle` in the project, or what `KRAGLE_HOME` names, for instance on a larger disk.
 *
 * @throws StageFailure (exit code 2) where that folder is somebody else's, (3) where one of its folders is a link; nothing has been written then
 */
export function homeFolder(environment = process.env): string {
  const given = environment.KRAGLE_HOME;
  const home = homePath(environment);
  const inProject = home === join(projectFolder, ".kragle");
  const isLink = lstatSync(home, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  // what the project's own folder has is kragle's; a link may lead to anybody's
  const problem = problemOf(home, inProject && !isLink, inProject ? BEFORE_A_HOME : []);
  if (!problem) {
    requireNoLinks(home);
    return home;
  }
  const whose = given ? "KRAGLE_HOME names" : "kragle's home is";
  throw new StageFailure(`${whose} ${displayPath(home)}, ${problem}`, {
    hint: `let ${given ? "KRAGLE_HOME name" : "the link lead to"} a new or an empty folder; nothing was changed in this one`,
    exitCode: EXIT.wrongSettings,
  });
}

/** Folders in which small files are written, replaced and deleted. Those with large ones are looked at where they are made: see Workplace. */
const OF_SMALL_FILES = ["roots", "stacks", "locks", "verified", "refused", "iso"];

/** @throws StageFailure (exit code 3) where one of the home's folders is a link: what is written and deleted would be elsewhere */
function requireNoLinks(home: string): void {
  const link = OF_SMALL_FILES.map((name) => join(home, name)).find((folder) =>
    lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink(),
  );
  if (link === undefined) return;
  throw new StageFailure(
    `${displayPath(link)}: something else stands where a folder belongs, a link`,
    {
      hint: "move it away; to have the store on another disk, let KRAGLE_HOME name a folder there",
      exitCode: EXIT.lacking,
    },
  );
}

/** Whether a home is the project's own, which no other clone uses. A link may lead to anybody's. */
export function isOwnHome(home: string, folder = projectFolder): boolean {
  const own = join(folder, ".kragle");
  if (!existsSync(home)) return home === own;
  return realpathSync(home) === join(realpathSync(folder), ".kragle");
}

/** What set-up, the loader and a program's launcher put into the project's `.kragle` before it is a home. */
const BEFORE_A_HOME = [
  "node",
  "compiled",
  "compile-cache",
  "clone",
  "bin",
  "bundles",
  ".gitignore",
];

/**
 * Why a folder cannot be the home; undefined for one that is, or that can become one.
 *
 * @param isOurs whether it is kragle's whatever is in it
 * @param known names in it that say nothing
 */
function problemOf(home: string, isOurs: boolean, known: readonly string[]): string | undefined {
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
    return `which a newer kragle laid out (format ${format}), and this one must not touch (it knows ${FORMAT})`;
  }
  // homes of earlier versions have no mark
  if (isOurs || readPlacedId(join(home, ID))) return undefined;
  // a disk's own folder, and what a first run leaves that was killed
  const others = names.filter(
    (name) => name !== "lost+found" && !known.includes(name) && !isUnfinished(name),
  );
  if (others.length === 0) return undefined;
  return `which is not empty (it has ${fewOf(others)}) and has no ${MARK}, by which kragle knows its own folder`;
}

/** Whether kragle has worked here; where it has not, there is nothing of its own to delete. */
export const isClaimed = (home: string): boolean =>
  [MARK, ID].some((name) => existsSync(join(home, name)));

/**
 * Makes the home where there is none yet, and marks it.
 *
 * @returns its id: tells containers, losses and publications of this machine's store from those of others, of a copy of it as well
 */
export function claimHome(home: string): string {
  const file = join(home, ID);
  try {
    mkdirSync(home, { recursive: true });
    const mark = join(home, MARK);
    if (!existsSync(mark)) writeOnce(mark, JSON.stringify({ format: FORMAT }) + "\n");
  } catch (error) {
    // a home of an earlier version, on a disk that is full or read-only: that matters where something else has to be written
    if (!readPlacedId(file)) throw error;
  }
  return placedId(home, file, "the store gets a new id").id;
}

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
