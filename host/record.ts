import { constants } from "node:fs";
import { open, rename } from "node:fs/promises";
import { basename } from "node:path";

import type { z } from "zod";

import { displayPath } from "./project";
import { warn } from "./warn";

/** More than any record has; a larger file is none. */
const MOST_BYTES = 64 * 2 ** 20;

/** What stands in the name of a damaged record that was put aside; the `~` keeps it apart from every record's own name. */
const ASIDE = /\.damaged-[\d-]+~$/;

/** The name of the record that was put aside under this one; undefined for any other file. */
export const nameOfAside = (name: string): string | undefined =>
  ASIDE.test(name) ? name.replace(ASIDE, "") : undefined;

/**
 * Reads a small JSON file that kragle wrote. One that is not what was written (cut by a power failure, edited, of another version) is told
 * and put aside, so that it neither stops this run nor the next one; whoever needs it makes it again. What is no file at all is
 * somebody else's: it is told and left alone.
 *
 * @param again how it comes back, as a sentence for the user without its end
 * @returns undefined where there is none, or none that can be read
 * @throws the file system's error where an existing file cannot be read at all
 */
export async function readRecord<T>(
  file: string,
  schema: z.ZodType<T>,
  again: string,
): Promise<T | undefined> {
  const bytes = await readRegular(file);
  if (!bytes) return undefined;
  const read = parse(bytes, schema);
  if ("record" in read) return read.record;
  const time = new Date().toISOString().replace(/\D+/g, "-").slice(0, -1);
  const aside = `${file}.damaged-${time}~`;
  const kept = await rename(file, aside).then(
    () => `was put aside as ${basename(aside)}`,
    (error: Error) => `could not be put aside (${error.message})`,
  );
  warn(`${displayPath(file)} is damaged (${read.problem}) and ${kept}; ${again}`);
  return undefined;
}

/** @returns undefined where there is no such file, or what is there is none */
async function readRegular(file: string): Promise<Buffer | undefined> {
  let handle;
  try {
    // neither follows a link nor waits for the writer of a pipe
    handle = await open(
      file,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    // a link, a socket, a device without a driver
    if (!["ELOOP", "ENXIO", "ENODEV"].includes(code)) throw error;
    return foreign(file);
  }
  try {
    const facts = await handle.stat();
    if (!facts.isFile() || facts.size > MOST_BYTES) return foreign(file);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function foreign(file: string): undefined {
  warn(`${displayPath(file)} is not a file that kragle wrote; it is left alone, and not read`);
}

function parse<T>(bytes: Buffer, schema: z.ZodType<T>): { record: T } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return { problem: (error as Error).message };
  }
  const read = schema.safeParse(value);
  if (read.success) return { record: read.data };
  const { path, message } = read.error.issues[0]!;
  return { problem: path.length ? `${path.join(".")}: ${message}` : message };
}
