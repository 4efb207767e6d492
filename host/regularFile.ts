import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** What a path names is no regular file, or a larger one than it may be; the message says which, without the path. */
export class Unsuitable extends Error {}

export interface RegularFile {
  readonly handle: FileHandle;
  readonly bytes: number;
}

/**
 * Opens a file for reading that somebody else put there. The kind is asked of the opened file, so nothing can be exchanged in between:
 * a FIFO would block for ever, a device may do anything when it is read, and a link may lead to another file the next time.
 *
 * @throws Unsuitable where it is anything but a regular file
 * @throws Error of the system where it cannot be opened, with the code ENOENT where there is none
 */
export async function openRegular(path: string): Promise<RegularFile> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: Error) => {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw new Unsuitable("is a link");
    // a socket
    if (code === "ENXIO") throw new Unsuitable("is no regular file");
    throw error;
  });
  const facts = await handle.stat();
  if (facts.isFile()) return { handle, bytes: facts.size };
  await handle.close();
  throw new Unsuitable(facts.isDirectory() ? "is a folder" : "is no regular file");
}

/**
 * The content of a small file that somebody else put there, read once.
 *
 * @param limit bytes; a larger file is refused before it is read, and one that grows meanwhile too
 * @throws as `openRegular`
 */
export async function readRegular(path: string, limit: number): Promise<Buffer> {
  const { handle, bytes } = await openRegular(path);
  try {
    const tooLarge = () => new Unsuitable(`is larger than the ${limit} bytes that it may have`);
    if (bytes > limit) throw tooLarge();
    const buffer = Buffer.alloc(bytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = (await handle.read(buffer, length, buffer.length - length, length)).bytesRead;
    }
    if (length > bytes) throw new Unsuitable("grew while it was read");
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}
