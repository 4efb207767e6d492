import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, chown, type FileHandle, open, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { Worker } from "node:worker_threads";

import { dataExtents } from "./dataExtents";
import { readGiven } from "./regularFile";

type HashAlgorithm = "sha256" | "sha512";

/** From this size on a file's digest is computed in a thread of its own. */
const LARGE_BYTES = 64 * 2 ** 20;

/**
 * A digest of a file, computed in this process: several times faster than sha256sum on machines where that has no SHA
 * instructions. Large files get a thread each, and their holes are not read.
 */
export async function hashFile(path: string, algorithm: HashAlgorithm): Promise<string> {
  const handle = await open(path, "r");
  try {
    return await hashOpened(handle, algorithm);
  } finally {
    await handle.close();
  }
}

export const sha256File = (path: string): Promise<string> => hashFile(path, "sha256");

/**
 * The same of a file that is open already, as long as it is now; whatever its path names meanwhile.
 *
 * @param onProgress is told every second how many bytes of a large file are done
 */
export async function hashOpened(
  handle: FileHandle,
  algorithm: HashAlgorithm,
  onProgress: (bytes: number) => void = () => undefined,
): Promise<string> {
  const { size, blocks } = await handle.stat();
  if (size >= LARGE_BYTES) {
    // the path of the opened file, also for a program of its own
    const path = `/proc/${process.pid}/fd/${handle.fd}`;
    const sparse = blocks * 512 < size ? await dataExtents(path) : undefined;
    const job = { algorithm, file: handle.fd, bytes: size, extents: sparse ?? [[0, size]] };
    return inThread(job, onProgress);
  }
  const hash = createHash(algorithm);
  if (size === 0) return hash.digest("hex");
  // whoever goes on writing cannot keep this reading
  const part = { start: 0, end: size - 1 };
  const content = handle.createReadStream({ ...part, autoClose: false, highWaterMark: 2 ** 20 });
  await pipeline(content, hash);
  return hash.digest("hex");
}

function inThread(workerData: object, onProgress: (bytes: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    new Worker(join(__dirname, "hashWorker.cjs"), { workerData, execArgv: [] })
      .on("message", (told: string | number) => {
        if (typeof told === "string") resolve(told);
        else onProgress(told);
      })
      .once("error", reject)
      .once("exit", () => reject(new Error("the thread that computes a digest ended early")));
  });
}

/** Every regular file below a folder, relative to it, sorted. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Gives a folder, with all files and folders below it, to this process's user alone; what a link leads to stays as it is. */
export async function makePrivate(folder: string): Promise<void> {
  const give = async (path: string, mode: number) => {
    if (process.getuid!() === 0) await chown(path, 0, 0);
    await chmod(path, mode);
  };
  for (const name of [".", ...(await listFolders(folder))]) await give(join(folder, name), 0o700);
  for (const name of await listFiles(folder)) await give(join(folder, name), 0o600);
}

/** Every folder below a folder, relative to it. */
export async function listFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** Whether two names, of which this was found out, lead to one file or folder. */
export const isSameFile = <N extends number | bigint>(
  one: { readonly dev: N; readonly ino: N },
  other: { readonly dev: N; readonly ino: N },
): boolean => one.dev === other.dev && one.ino === other.ino;

/** Makes a file's or a folder's content durable. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** More than anybody writes by hand. */
const TEXT_BYTES = 64 * 2 ** 20;

/**
 * The text of a file that the user wrote. In another encoding than UTF-8, a part of it would become something else without a word.
 *
 * @throws Unsuitable where it is no file, such as a pipe; Error where it is not UTF-8; the file system's where it cannot be read
 */
export function readText(file: string): string {
  const bytes = readGiven(file, TEXT_BYTES);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is not UTF-8 text; save it in that encoding");
  }
}

/** The text of a file, or nothing where it is absent or not for this user to read. */
export function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/**
 * One text of a document that another program, or the user, wrote.
 *
 * @param path names of the fields that lead to it
 * @param parse reads the document; JSON where none is given
 * @returns undefined where there is no such file, field or text, or the document cannot be read
 */
export function textIn(
  file: string,
  path: readonly string[],
  parse: (document: string) => unknown = JSON.parse,
): string | undefined {
  try {
    let found = parse(readGiven(file, TEXT_BYTES).toString());
    for (const name of path) found = (found as Record<string, unknown>)[name];
    return typeof found === "string" ? found : undefined;
  } catch {
    return undefined;
  }
}
