import { renameSync } from "node:fs";
import { basename } from "node:path";

import type { z } from "zod";

import { displayPath } from "./project";
import { readRegular, Unsuitable } from "./regularFile";
import { warn } from "./warn";

/** More than any record has; a larger file is none. */
const MOST_BYTES = 64 * 2 ** 20;

/** What stands in the name of a damaged record that was put aside; the `~` keeps it apart from every record's own name. */
const ASIDE = /\.damaged-[\d-]+~$/;

/** The name of the record that was put aside under this one; undefined for any other file. */
export const nameOfAside = (name: string): string | undefined =>
  ASIDE.test(name) ? name.replace(ASIDE, "") : undefined;

/** `readSmallFile` of a JSON document that has a schema. */
export const readRecord = <T>(
  file: string,
  schema: z.ZodType<T>,
  again: string,
): Promise<T | undefined> =>
  // a promise although nothing waits: a store that machines share may have to fetch it
  Promise.resolve(readSmallFile(file, (bytes) => parseRecord(bytes, schema), again));

/**
 * Reads a small file that kragle wrote. One that is not what was written (cut by a power failure, edited, of another version) is told
 * and put aside, so that it neither stops this run nor the next one; whoever needs it makes it again. What is no file at all is
 * somebody else's: it is told and left alone.
 *
 * @param parse throws where the content is not what was written
 * @param again how it comes back, as a sentence for the user without its end
 * @returns undefined where there is none, or none that can be read
 * @throws the file system's error where an existing file cannot be read at all
 */
export function readSmallFile<T>(
  file: string,
  parse: (bytes: Buffer) => T,
  again: string,
): T | undefined {
  const bytes = readOwn(file);
  if (!bytes) return undefined;
  try {
    return parse(bytes);
  } catch (error) {
    warn(
      `${displayPath(file)} is damaged (${(error as Error).message}) and ${putAside(file)}; ${again}`,
    );
    return undefined;
  }
}

function putAside(file: string): string {
  const time = new Date().toISOString().replace(/\D+/g, "-").slice(0, -1);
  const aside = `${file}.damaged-${time}~`;
  try {
    renameSync(file, aside);
    return `was put aside as ${basename(aside)}`;
  } catch (error) {
    return `could not be put aside (${(error as Error).message})`;
  }
}

/** The content of a file that kragle wrote; undefined where there is no such file, or it is somebody else's, which is told. */
export function readOwn(file: string): Buffer | undefined {
  try {
    return readRegular(file, MOST_BYTES);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (!(error instanceof Unsuitable)) throw error;
    warn(`${displayPath(file)} is not a file that kragle wrote; it is left alone, and not read`);
    return undefined;
  }
}

/** @throws Error of one line where the content is no JSON, or not as its schema has it */
export function parseRecord<T>(bytes: Buffer, schema: z.ZodType<T>): T {
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0]!;
  throw new Error(path.length ? `${path.join(".")}: ${message}` : message);
}
