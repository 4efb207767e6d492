import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";

import { z } from "zod";

import { atomicWrite } from "../host/atomicWrite";
import { lockFile } from "../host/lock";
import { projectFolder } from "../host/project";
import { readRecord } from "../host/record";
import { identitySchema, type StackIdentity } from "../plan/identity";
import { stackFileName } from "./names";

const recordSchema = z.object({
  engine: z.enum(["pulumi", "embedded"]),
  outputs: z.record(z.string(), z.unknown()).readonly(),
  finishedAt: z.string(),
  /** How long each step took when it ran last, by its name for people; also of steps whose results are Docker's. */
  seconds: z.record(z.string(), z.number()).readonly().optional(),
  /** When the stack let go of everything; its released files were left. ISO 8601. */
  destroyedAt: z.string().optional(),
  /** Whose it is; earlier versions did not tell. */
  owner: identitySchema.optional(),
});

/** What kragle remembers of a stack's last finished run, for `outputs` and for saying when the engine changes. */
export type StackRecord = Readonly<Omit<z.infer<typeof recordSchema>, "owner">>;

/** @param name of the stack's roots below `.kragle/roots/` too */
const fileNamed = (home: string, name: string, end = "json") =>
  join(home, "stacks", `${name}.${end}`);

const fileOf = (home: string, owner: StackIdentity) => fileNamed(home, stackFileName(owner));

/** Where the page of a stack with several images lies, beside its record. */
export const stackPageFile = (home: string, owner: StackIdentity) =>
  fileNamed(home, stackFileName(owner), "html");

/** As earlier versions called it, who did not tell whose it is. */
const unownedFile = (home: string, stack: string) => fileNamed(home, encodeURIComponent(stack));

/**
 * @param folder of the stack's clone, from which relative paths lead
 * @returns the record with absolute paths; undefined where this stack has none
 */
export async function readStackRecord(
  home: string,
  owner: StackIdentity,
  folder = projectFolder,
): Promise<StackRecord | undefined> {
  const own = await read(fileOf(home, owner), folder);
  if (own) return own;
  const unowned = await readUnowned(home, owner.stack);
  return unowned && isHere(home, unowned) ? unowned : undefined;
}

/**
 * Makes another record of a stack's record as it is when nobody else writes it: runs of one stack, each of other images, may end at the
 * same time.
 *
 * @param change gets undefined where there is none yet, and gives undefined for no change
 */
export async function changeStackRecord(
  home: string,
  owner: StackIdentity,
  change: (now: StackRecord | undefined) => StackRecord | undefined,
): Promise<void> {
  const release = await lockFile(join(home, "locks", `record-${stackFileName(owner)}`));
  try {
    const record = change(await readStackRecord(home, owner));
    if (record) await writeStackRecord(home, owner, record);
  } finally {
    await release();
  }
}

/** Writes a record in the place of whatever there is; what may be written at the same time changes it, see `changeStackRecord`. */
export async function writeStackRecord(
  home: string,
  owner: StackIdentity,
  record: StackRecord,
): Promise<void> {
  // paths within the project are relative in the file: it stays true where the project is moved
  const outputs = withPaths(record.outputs, (path) =>
    isBelow(projectFolder, path) ? relative(projectFolder, path) : path,
  );
  const text = JSON.stringify({ ...record, owner, outputs }, null, 2);
  await atomicWrite(fileOf(home, owner), text + "\n");
  const unowned = await readUnowned(home, owner.stack);
  if (unowned && isHere(home, unowned)) await rm(unownedFile(home, owner.stack), { force: true });
}

/** The outputs of each image that a record has, by its name; those of a stack of one image have none. */
export function releasesOf(
  record: Pick<StackRecord, "outputs"> | undefined,
): ReadonlyMap<string | null, StackRecord["outputs"]> {
  if (!record) return new Map();
  const { outputs } = record;
  if (!("images" in outputs)) return new Map([[null, outputs]]);
  const images = Object.entries(outputs.images ?? {}) as [string, unknown][];
  return new Map(
    images.flatMap(([name, one]) => {
      const { data } = recordSchema.shape.outputs.safeParse(one);
      return data ? [[name, data] as const] : [];
    }),
  );
}

/** Notes that the stack uses nothing any more; without a record there is nothing to note. */
export function markDestroyed(home: string, owner: StackIdentity): Promise<void> {
  return changeStackRecord(home, owner, (now) =>
    now && !now.destroyedAt ? { ...now, destroyedAt: new Date().toISOString() } : undefined,
  );
}

/** Notes that the stack uses nothing of some of its images any more. */
export function forgetImages(
  home: string,
  owner: StackIdentity,
  names: readonly string[],
): Promise<void> {
  return changeStackRecord(home, owner, (now) => {
    // a record of the time when the stack had one image has none of these
    if (!now || !("images" in now.outputs)) return undefined;
    const kept = [...releasesOf(now)].filter(([name]) => name === null || !names.includes(name));
    return { ...now, outputs: { ...now.outputs, images: Object.fromEntries(kept) as object } };
  });
}

/** Lets a record follow the roots that it stands beside, unless there is one of their new name. */
export async function renameStackRecord(home: string, from: string, to: string): Promise<void> {
  const [old, own] = [fileNamed(home, from), fileNamed(home, to)];
  if (existsSync(own)) return;
  await rename(old, own).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

/**
 * Records of stacks that use something, though none of these names has roots that say what.
 *
 * @param rooted names below `.kragle/roots/` of the stacks whose release has a root
 */
export async function recordsWithoutRoots(
  home: string,
  rooted: ReadonlySet<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (const file of await readdir(join(home, "stacks")).catch(() => [])) {
    const name = OWNED.exec(file)?.[1];
    if (name === undefined || rooted.has(name)) continue;
    const record = await read(fileNamed(home, name));
    if (record && record.destroyedAt === undefined) found.push(fileNamed(home, name));
  }
  return found;
}

/** The file of a record that tells whose it is. */
const OWNED = /^(.+\.[\da-f]{12})\.json$/;

/**
 * Whether what an earlier version noted under a stack's bare name is this clone's: the release that its record names lies in this clone.
 * Without a record it goes by where the home lies, since several clones may share one that lies elsewhere.
 */
export const ownsUnowned = async (home: string, stack: string): Promise<boolean> =>
  isHere(home, await readUnowned(home, stack));

function isHere(home: string, record: StackRecord | undefined): boolean {
  const { imagePath } = record?.outputs ?? {};
  return typeof imagePath === "string"
    ? isBelow(projectFolder, imagePath)
    : dirname(home) === projectFolder;
}

/** What an earlier version noted. A stack may be called as another one's record is: that one tells whose it is. */
async function readUnowned(home: string, stack: string): Promise<StackRecord | undefined> {
  const found = await stored(unownedFile(home, stack));
  return found && found.owner === undefined ? recordOf(found) : undefined;
}

async function read(file: string, folder?: string): Promise<StackRecord | undefined> {
  const found = await stored(file);
  return found && recordOf(found, folder);
}

const stored = (file: string) =>
  readRecord(file, recordSchema, "./kragle up of its stack writes it again");

function recordOf(
  { owner: _, ...record }: z.infer<typeof recordSchema>,
  folder = projectFolder,
): StackRecord {
  return { ...record, outputs: withPaths(record.outputs, (path) => resolve(folder, path)) };
}

const isBelow = (folder: string, path: string) => path.startsWith(folder + "/");

/** The outputs with each of their paths changed: those called `path`, or something with `Path`. */
function withPaths<T>(value: T, change: (path: string) => string): T {
  if (Array.isArray(value)) return value.map((each: unknown) => withPaths(each, change)) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, each]: [string, unknown]) => [
    name,
    typeof each === "string" && /^path$|Path$/.test(name) ? change(each) : withPaths(each, change),
  ]);
  return Object.fromEntries(entries) as T;
}
