import type { FileHandle } from "node:fs/promises";

import { z } from "zod";

/** A run of bytes of the virtual disk that the image stores. */
export interface Extent {
  readonly start: number;
  readonly length: number;
  /** Where the same bytes lie in the image's file; absent where they are compressed there. */
  readonly offset?: number;
}

const map = z.array(
  z.object({
    start: z.number(),
    length: z.number(),
    data: z.boolean(),
    offset: z.number().optional(),
  }),
);

/** @param json what `qemu-img map --output=json` prints */
export function parseMap(json: string): Extent[] {
  return map
    .parse(JSON.parse(json))
    .filter(({ data }) => data)
    .map(({ start, length, offset }) => ({
      start,
      length,
      ...(offset === undefined ? {} : { offset }),
    }));
}

export const dataBytes = (extents: readonly Extent[]) =>
  extents.reduce((sum, { length }) => sum + length, 0);

const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * Compares the stored bytes of an image with a disk that was made of it; nothing else of the disk is read.
 *
 * @returns the disk's first byte that differs, or undefined
 * @throws Error where an extent is compressed, or a read fails; the message names the byte
 */
export async function firstDifference(
  image: FileHandle,
  disk: FileHandle,
  extents: readonly Extent[],
  onProgress: (bytes: number) => void,
): Promise<number | undefined> {
  const [expected, found] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
  let done = 0;
  for (const { start, length, offset } of extents) {
    if (offset === undefined) throw new Error(`byte ${start} of the disk is compressed`);
    for (let at = 0; at < length; at += CHUNK_BYTES) {
      const size = Math.min(CHUNK_BYTES, length - at);
      const a = expected.subarray(0, size);
      const b = found.subarray(0, size);
      await Promise.all([
        readExactly(image, a, offset + at, "the image's file"),
        readExactly(disk, b, start + at, "the disk"),
      ]);
      if (!a.equals(b)) return start + at + a.findIndex((byte, i) => byte !== b[i]);
      done += size;
      onProgress(done);
    }
  }
  return undefined;
}

async function readExactly(handle: FileHandle, into: Buffer, position: number, what: string) {
  for (let got = 0; got < into.length;) {
    const { bytesRead } = await handle
      .read(into, got, into.length - got, position + got)
      .catch((error: Error) => {
        throw new Error(`reading ${what} failed at byte ${position + got}: ${error.message}`);
      });
    if (bytesRead === 0) throw new Error(`${what} ends at byte ${position + got}`);
    got += bytesRead;
  }
}
