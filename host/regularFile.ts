import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** What a path names is no regular file, or a larger one than it may be; the message says which, without the path. */
export class Unsuitable extends Error {}

/** Neither follows a link, which may lead to another file the next time, nor waits for the writer of a pipe. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Follows links, which the user may use for files of their own. */
const READ_GIVEN = READ & ~constants.O_NOFOLLOW;

function whyUnopened(error: unknown): Error {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "ELOOP") return new Unsuitable("is a link");
  // a socket, a device without a driver
  if (code === "ENXIO" || code === "ENODEV") return new Unsuitable("is no regular file");
  return error as Error;
}

const unsuitable = (facts: Stats) =>
  new Unsuitable(facts.isDirectory() ? "is a folder" : "is no regular file");

/**
 * Opens a file for reading that somebody else may have put there. The kind is asked of the opened file, so nothing can be exchanged in
 * between.
 *
 * @throws Unsuitable where it is anything but a regular file
 * @throws Error of the system where it cannot be opened, with the code ENOENT where there is none
 */
export async function openRegular(path: string): Promise<{ handle: FileHandle; bytes: number }> {
  const handle = await open(path, READ).catch((error: unknown) => {
    throw whyUnopened(error);
  });
  const facts = await handle.stat();
  if (facts.isFile()) return { handle, bytes: facts.size };
  await handle.close();
  throw unsuitable(facts);
}

/**
 * The content of a small file that somebody else may have put there, read once.
 *
 * @param limit bytes; a larger file is refused before it is read, and one that grows meanwhile too
 * @throws as `openRegular`
 */
export const readRegular = (path: string, limit: number): Buffer => readOnce(path, limit, READ);

/** The same for a file that the user names, also by a link: a pipe would let everybody wait, and a device has no end. */
export const readGiven = (path: string, limit = Infinity): Buffer =>
  readOnce(path, limit, READ_GIVEN);

function readOnce(path: string, limit: number, how: number): Buffer {
  let file;
  try {
    file = openSync(path, how);
  } catch (error) {
    throw whyUnopened(error);
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) throw unsuitable(facts);
    if (facts.size > limit) {
      throw new Unsuitable(`is larger than the ${limit} bytes that it may have`);
    }
    const buffer = Buffer.alloc(facts.size + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(file, buffer, length, buffer.length - length, length);
    }
    if (length > facts.size) throw new Unsuitable("grew while it was read");
    return buffer.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** The same for one that may be absent, or none to be read: undefined then. */
export function readIfRegular(path: string, limit: number): Buffer | undefined {
  try {
    return readRegular(path, limit);
  } catch {
    return undefined;
  }
}
