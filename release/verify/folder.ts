import { createHash } from "node:crypto";
import { lstat, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { z } from "zod";

import { hashOpened } from "../../host/files";
import { openRegular, readRegular, Unsuitable } from "../../host/regularFile";

/** Bytes of the largest file that is read into memory; a bill of materials of 10,000 packages has 10 MiB. */
const SMALL_BYTES = 64 * 2 ** 20;

/** What a file of the folder really is. */
export type Found =
  | { readonly sha256: string }
  | { readonly missing: true }
  | { readonly unsuitable: string }
  | { readonly unread: string };

/** Is told every second how much of a large file is read. */
export type OnRead = (name: string, bytes: number, total: number) => void;

/**
 * The folder that is verified. Whoever can write there may be the one who is to be found out: only regular files are opened, none
 * through a link, and what is read into memory is read once, so that the bytes that are judged are those whose digest is compared.
 */
export class ReleaseFolder {
  private readonly contents = new Map<string, Promise<Buffer>>();

  constructor(
    readonly path: string,
    private readonly onRead: OnRead = () => undefined,
  ) {}

  /**
   * The content of a small file; the same however often it is asked for.
   *
   * @throws Unsuitable where it is no regular file or too large, Error with the code ENOENT where there is none
   */
  content(name: string, limit = SMALL_BYTES): Promise<Buffer> {
    const known = this.contents.get(name);
    if (known) return known;
    const content = this.withoutLinks(name).then((path) => readRegular(path, limit));
    content.catch(() => undefined); // told to whoever asks
    this.contents.set(name, content);
    return content;
  }

  /** A small document. @throws as `content`, and where it is no JSON, or not as the schema has it */
  async json<T>(name: string, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(JSON.parse((await this.content(name)).toString()));
  }

  /** Whether there is anything of this name. */
  async has(name: string): Promise<boolean> {
    return (await lstat(join(this.path, name)).catch(() => undefined)) !== undefined;
  }

  /**
   * The digest of a file; of its content in memory where that was asked for.
   *
   * @param bytes how large it has to be; undefined where nobody says, and only a small file is read then
   */
  async find(name: string, bytes: number | undefined): Promise<Found> {
    try {
      const content = await this.contents.get(name);
      if (content) return { sha256: createHash("sha256").update(content).digest("hex") };
      return await this.digest(name, await this.withoutLinks(name), bytes);
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return { missing: true };
      return { unsuitable: error instanceof Unsuitable ? message : `cannot be read: ${message}` };
    }
  }

  private async digest(name: string, path: string, bytes: number | undefined): Promise<Found> {
    const { handle, bytes: found } = await openRegular(path);
    try {
      if (bytes !== undefined && found !== bytes) {
        return { unsuitable: `has ${found} bytes instead of ${bytes}` };
      }
      if (bytes === undefined && found > SMALL_BYTES) {
        return {
          unread: `has ${found} bytes, and nothing to believe says how many it has to have`,
        };
      }
      const sha256 = await hashOpened(handle, "sha256", (done) => this.onRead(name, done, found));
      const { size } = await handle.stat();
      return size === found ? { sha256 } : { unsuitable: "grew or shrank while it was read" };
    } finally {
      await handle.close();
    }
  }

  /** The path of a file, none of whose folders is a link. */
  private async withoutLinks(name: string): Promise<string> {
    for (let folder = dirname(name); folder !== "."; folder = dirname(folder)) {
      const facts = await lstat(join(this.path, folder));
      if (facts.isDirectory()) continue;
      throw new Unsuitable(facts.isSymbolicLink() ? "lies behind a link" : "lies in no folder");
    }
    return join(this.path, name);
  }

  /** The names of whatever is no folder that can be listed, links too; one that is no UTF-8 stands for itself, perhaps twice. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for (const folders = ["."]; folders.length > 0;) {
      const folder = folders.pop()!;
      try {
        for (const entry of await readdir(join(this.path, folder), { withFileTypes: true })) {
          (entry.isDirectory() ? folders : names).push(join(folder, entry.name));
        }
      } catch {
        // not to be read, or deeper than any path
        names.push(folder);
      }
    }
    return names.sort();
  }
}
