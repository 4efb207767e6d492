import { constants } from "node:fs";
import { lstat, open, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { EXIT, StageFailure } from "../host/failure";
import type { HeldFolder } from "../host/heldFolder";
import { fewOf } from "../host/printable";
import { lockHandle, type LockOptions } from "../host/lock";
import { displayPath, inProject } from "../host/project";
import type { StackIdentity } from "../plan/identity";
import type { Released } from "./files";
import { stacksReleasing } from "./holders";
import { NAMES, OWNER } from "./layout";
import { encodeMark, isSame, readMark, refuseOthers } from "./mark";
import { isRelease } from "./previous";
import { ReleaseFolder } from "./verify/folder";

/** PATH/output of the setting `path`. */
export const outputFolder = (path: string): string => join(inProject(path), "output");

/**
 * Refuses a folder that has another stack's release: each would delete what the other released.
 *
 * @param output PATH/output
 * @throws StageFailure (exit code 2) that names the stack
 */
export async function requireOwnFolder(
  home: string,
  output: string,
  owner: StackIdentity,
): Promise<void> {
  const mark = await readMark(output, output);
  if (mark) return refuseOthers(mark, output, owner);
  // earlier versions left no mark: what they released is told by its key
  const earlier = z.object({ key: z.string() });
  const released = await new ReleaseFolder(output)
    .json(NAMES.manifest, earlier)
    .catch(() => undefined);
  if (!released) return;
  const holders = (await holdersOf(home, output))
    .filter(({ key }) => key === released.key)
    .map(({ holder }) => holder);
  const [other] = holders;
  if (!other || holders.some((holder) => isSame(holder, owner))) return;
  refuseOthers({ ...other, folder: other.path, host: hostname(), path: output }, output, owner);
}

/**
 * Makes a folder this stack's, for as long as it releases there nobody else's and no other run's.
 *
 * @param output PATH/output
 * @param names of what is to be released there
 * @returns the function that lets the next run in; where nothing was moved there, a folder that was nobody's is nobody's again
 * @throws StageFailure (exit code 2) where it has become another stack's, or has files of these names that are nobody's release
 */
export async function claimFolder(
  held: HeldFolder,
  output: string,
  owner: StackIdentity,
  names: readonly string[],
  options: LockOptions,
): Promise<(moved: boolean) => Promise<void>> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  for (;;) {
    const before = await readMark(held.path(), output);
    if (before) refuseOthers(before, output, owner);
    else await requireNoForeignFiles(held, names);
    const handle = await open(held.path(OWNER), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
    try {
      const facts = await handle.stat();
      if (!facts.isFile() || facts.nlink > 1) throw foreign(output);
      await lockHandle(handle, options);
      const now = await stat(held.path(OWNER)).catch(() => undefined);
      const mark = await readMark(held.path(), output);
      if (now?.ino === facts.ino) {
        if (mark) refuseOthers(mark, output, owner);
        await handle.truncate(0);
        await handle.write(await encodeMark(owner, output), 0);
        await handle.sync();
        return async (moved) => {
          // whoever waits for the lock of this file notices that it is gone
          if (!moved && !before) await unlink(held.path(OWNER)).catch(() => undefined);
          await handle.close();
        };
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    // the stack that had it let go of it just now
    await handle.close();
  }
}

/** A folder in which kragle has never released may have files of somebody's own that are called as a release's are. */
async function requireNoForeignFiles(held: HeldFolder, names: readonly string[]): Promise<void> {
  if (await isRelease(held.path())) return;
  const there: string[] = [];
  for (const name of names) {
    await held.within(name, false, async (folder, base) => {
      if (await lstat(folder.path(base)).catch(() => undefined)) there.push(name);
    });
  }
  refuseForeign(held, there);
}

/**
 * The same beside a release, of which the names of the image and its conversions may be another's: they are settings. A file that is
 * already what is to be released was left by a run that did not live to finish.
 *
 * @param before names of the release that is there
 */
export async function requireFreeNames(
  held: HeldFolder,
  before: readonly string[],
  files: readonly Pick<Released, "name" | "sha256">[],
): Promise<void> {
  const there: string[] = [];
  const folder = new ReleaseFolder(held.path());
  for (const { name, sha256 } of files) {
    if (name.includes("/") || before.includes(name) || !(await folder.has(name))) continue;
    const { size } = await lstat(held.path(name));
    const found = await folder.find(name, size);
    if (!("sha256" in found) || found.sha256 !== sha256) there.push(name);
  }
  refuseForeign(held, there);
}

function refuseForeign(held: HeldFolder, there: readonly string[]): void {
  if (there.length === 0) return;
  throw new StageFailure(
    `${displayPath(held.name)} has files that a release would replace and that are not of one: ${fewOf(there)}`,
    {
      hint: 'move them away, or let the settings "path" and "imageName" name others',
      exitCode: EXIT.wrongSettings,
    },
  );
}

/**
 * Lets another stack have the folder; the released files stay. The mark does, too, where the stack of this name on another backend
 * released there.
 *
 * @throws StageFailure (exit code 3) where the mark cannot be deleted
 */
export async function letGoOfFolder(
  home: string,
  output: string,
  owner: StackIdentity,
): Promise<void> {
  const mark = await readMark(output, output);
  if (!mark || !isSame(mark, owner)) return;
  const twins = (await holdersOf(home, output)).filter(
    ({ holder }) => isSame(holder, owner) && holder.backend !== owner.backend,
  );
  if (twins.length > 0) return;
  await unlink(join(output, OWNER)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return;
    throw new StageFailure(
      `${displayPath(output)} cannot be let go of: ${displayPath(join(output, OWNER))} cannot be deleted (${error.code})`,
      {
        hint: "see to its rights, and run the same command again; until then no other stack can release there",
        exitCode: EXIT.lacking,
      },
    );
  });
}

const holdersOf = async (home: string, folder: string) =>
  (await stacksReleasing(home)).filter(({ output }) => output === folder);

const foreign = (output: string) =>
  new StageFailure(
    `${displayPath(join(output, OWNER))} is not kragle's; nothing is written to it`,
    {
      hint: "see who put it there, delete it, and run the same command again",
      exitCode: EXIT.wrongSettings,
    },
  );
