import { constants, existsSync } from "node:fs";
import { lstat, open, readFile, realpath, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { EXIT, StageFailure } from "../host/failure";
import type { HeldFolder } from "../host/heldFolder";
import { lockHandle, type LockOptions } from "../host/lock";
import { displayPath, inProject, projectFolder } from "../host/project";
import { readRegular } from "../host/regularFile";
import type { StackIdentity } from "../plan/identity";
import { allRoots } from "../store/roots";
import { NAMES, OWNER } from "./layout";
import { isRelease } from "./previous";

const markSchema = z.object({
  clone: z.string(),
  project: z.string(),
  stack: z.string(),
  /** Where the clone lies, and on which machine. */
  folder: z.string(),
  host: z.string(),
  /** The marked folder by its real path: in a copy of it the mark says nothing. */
  path: z.string(),
});

/** Whose release a folder has. The backend is not told: whichever is in use, it is one stack's file that sets the path. */
type Mark = Readonly<z.infer<typeof markSchema>>;

/** PATH/output of the setting `path`. */
export const outputFolder = (path: string): string => join(inProject(path), "output");

/** Bytes. */
const LARGEST = 2 ** 16;

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
  const key = readManifestKey(output);
  if (typeof key !== "string") return;
  const holders = (await allRoots(home)).flatMap(({ owner: holder, roots }) =>
    holder && roots.get("release")?.key === key ? [holder] : [],
  );
  const [other] = holders;
  if (!other || holders.some((holder) => isSame(holder, owner))) return;
  refuseOthers({ ...other, folder: other.path, host: hostname(), path: output }, output, owner);
}

function readManifestKey(output: string): unknown {
  try {
    const text = readRegular(join(output, NAMES.manifest), LARGEST * 64).toString();
    return (JSON.parse(text) as { key?: unknown } | null)?.key;
  } catch {
    return undefined;
  }
}

/**
 * Makes a folder this stack's, for as long as it releases there nobody else's and no other run's.
 *
 * @param output PATH/output
 * @param names of what is to be released there
 * @returns the function that lets the next run in
 * @throws StageFailure (exit code 2) where it has become another stack's, or has files of these names that are nobody's release
 */
export async function claimFolder(
  held: HeldFolder,
  output: string,
  owner: StackIdentity,
  names: readonly string[],
  options: LockOptions,
): Promise<() => Promise<void>> {
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
        const { clone, project, stack } = owner;
        const place = { folder: projectFolder, host: hostname(), path: await realpath(output) };
        const text = JSON.stringify({ clone, project, stack, ...place } satisfies Mark) + "\n";
        await handle.truncate(0);
        await handle.write(text, 0);
        await handle.sync();
        return () => handle.close();
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
  if (there.length === 0) return;
  const some = there.slice(0, 3).join(", ") + (there.length > 3 ? ", …" : "");
  throw new StageFailure(
    `${displayPath(held.name)} has files that a release would replace and that are not of one: ${some}`,
    {
      hint: 'move them away, or let the setting "path" name another folder',
      exitCode: EXIT.wrongSettings,
    },
  );
}

/** Lets another stack have the folder; the released files stay. */
export async function letGoOfFolder(output: string, owner: StackIdentity): Promise<void> {
  const mark = await readMark(output, output);
  if (mark && isSame(mark, owner)) await unlink(join(output, OWNER)).catch(() => undefined);
}

const isSame = (
  one: Pick<Mark, "clone" | "project" | "stack">,
  { clone, project, stack }: StackIdentity,
) => one.clone === clone && one.project === project && one.stack === stack;

/** @returns undefined where there is none, or one that says nothing here */
async function readMark(folder: string, output: string): Promise<Mark | undefined> {
  const file = join(folder, OWNER);
  let text: Buffer;
  let mark: Mark;
  try {
    text = readRegular(file, LARGEST);
    mark = markSchema.parse(JSON.parse(text.toString()));
  } catch {
    // there is none, or a power cut left it
    return undefined;
  }
  const here = await realpath(output);
  if (mark.path === here) return mark;
  const original = join(mark.path, OWNER);
  const same = await readFile(original, "utf8").catch(() => undefined);
  if (same !== text.toString()) return { ...mark, path: here };
  // one folder can have two paths, by a mount
  const [a, b] = await Promise.all([lstat(original), lstat(file)]);
  return a.ino === b.ino && a.dev === b.dev ? mark : undefined;
}

/** @throws StageFailure where the mark is that of another stack which may still be there */
function refuseOthers(mark: Mark, output: string, owner: StackIdentity): void {
  if (isSame(mark, owner)) return;
  const { project, stack, folder, host } = mark;
  if (host === hostname() && !existsSync(folder)) return;
  // its own, of the time before the folder with the clone's id was deleted
  if (
    host === hostname() &&
    folder === projectFolder &&
    isSame({ ...mark, clone: owner.clone }, owner)
  )
    return;
  const whose = [
    `stack ${stack}`,
    ...(project === owner.project ? [] : [`of project ${project}`]),
    ...(folder === projectFolder ? [] : [`of ${folder}`]),
    ...(host === hostname() ? [] : [`on ${host}`]),
  ].join(" ");
  throw new StageFailure(
    `${displayPath(output)} belongs to ${whose}; two stacks cannot release there`,
    {
      hint: `set "path" of stack ${owner.stack} to another folder, or let the other stack go there: ./kragle destroy -s ${stack}`,
      exitCode: EXIT.wrongSettings,
    },
  );
}

const foreign = (output: string) =>
  new StageFailure(
    `${displayPath(join(output, OWNER))} is not kragle's; nothing is written to it`,
    {
      hint: "see who put it there, delete it, and run the same command again",
      exitCode: EXIT.wrongSettings,
    },
  );
