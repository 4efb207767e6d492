import { constants } from "node:fs";
import {
  access,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rmdir,
  unlink,
} from "node:fs/promises";

import { EXIT, StageFailure } from "./failure";
import { displayPath } from "./project";
import { removeTree, requireNoMount } from "./removeTree";

/**
 * A folder that is held open, for folders in which others may write. Whatever is renamed meanwhile, a path below it leads through the
 * open folder (proc(5), /proc/PID/fd), also in programs that this process starts; and the folders below it are entered without
 * following a link.
 */
export class HeldFolder {
  private constructor(
    private readonly handle: FileHandle,
    /** For people. */
    readonly name: string,
  ) {}

  /**
   * @param path the user's own choice: links above the folder are followed
   * @throws StageFailure where it is a link that somebody else than this user and the superuser made, or no folder
   */
  static async open(path: string): Promise<HeldFolder> {
    const facts = await lstat(path);
    const isOwn = [0, process.getuid!()].includes(facts.uid);
    if (facts.isSymbolicLink() && !isOwn) throw refusal(path, "is a link that another user made");
    return new HeldFolder(await openFolder(path, 0), path);
  }

  /** The path of what lies in it; of itself without a name. */
  path(name = "."): string {
    return `/proc/${process.pid}/fd/${this.handle.fd}/${name}`;
  }

  /** A text with the path that people know. */
  inWords(text: string): string {
    return text.replaceAll(this.path(""), `${displayPath(this.name)}/`);
  }

  /** An error whose message, and what else tells where, has the paths that people know. */
  named(error: NodeJS.ErrnoException & { dest?: string }): Error {
    const { message, path, dest } = error;
    const known = Object.entries({ message, path, dest }).filter(([, text]) => text !== undefined);
    return Object.assign(
      error,
      Object.fromEntries(known.map(([name, text]) => [name, this.inWords(text!)])),
    );
  }

  /**
   * Enters the folder in which a file lies.
   *
   * @param file relative to this one
   * @param make folders that are absent
   * @returns undefined where the folder is absent and was not to be made
   * @throws StageFailure where there is a link in place of a folder
   */
  async within<T>(
    file: string,
    make: boolean,
    use: (folder: HeldFolder, base: string) => Promise<T>,
  ): Promise<T | undefined> {
    const [first = "", ...rest] = file.split("/");
    if (rest.length === 0) return use(this, first);
    const folder = await this.enter(first, make);
    if (!folder) return undefined;
    try {
      return await folder.within(rest.join("/"), make, use);
    } finally {
      await folder.close();
    }
  }

  /** @returns undefined where it is absent and was not to be made */
  async enter(name: string, make = false): Promise<HeldFolder | undefined> {
    if (make) {
      await mkdir(this.path(name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
    }
    const shown = `${this.name}/${name}`;
    try {
      return new HeldFolder(await openFolder(this.path(name), constants.O_NOFOLLOW), shown);
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" && !make) return undefined;
      if (!["ELOOP", "ENOTDIR"].includes(code)) throw error;
      const facts = await lstat(this.path(name)).catch(() => undefined);
      throw refusal(shown, facts?.isSymbolicLink() ? "is a link" : "is no folder");
    }
  }

  /** @throws StageFailure where a folder has this name, or a file that nobody may replace */
  async requireReplaceable(name: string): Promise<void> {
    const shown = `${this.name}/${name}`;
    const facts = await lstat(this.path(name)).catch(() => undefined);
    if (facts?.isDirectory()) throw refusal(shown, "is a folder");
    if (!facts?.isFile()) return;
    // what its mode forbids makes no difference to a rename
    await access(this.path(name), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EPERM") throw refusal(shown, "is immutable (lsattr)");
    });
  }

  /** Deletes a regular file. @returns why it was left, where it is something else */
  async removeFile(file: string): Promise<string | undefined> {
    const left = await this.within(file, false, async (folder, base) => {
      const facts = await lstat(folder.path(base)).catch(() => undefined);
      if (!facts) return undefined;
      if (!facts.isFile()) return facts.isSymbolicLink() ? "is a link" : "is no file";
      // a link that was put there just now would itself be deleted, not what it leads to
      await unlink(folder.path(base));
      return undefined;
    }).catch((error: Error) => {
      if (error instanceof StageFailure) return "lies behind a link";
      throw error;
    });
    return left;
  }

  /** Deletes a folder of this user's with everything in it. @returns why it was left, where it is something else */
  async removeFolder(name: string): Promise<string | undefined> {
    let folder;
    try {
      folder = await this.enter(name);
    } catch (error) {
      return (error as Error).message;
    }
    if (!folder) return undefined;
    try {
      if ((await folder.handle.stat()).uid !== process.getuid!()) return "it is another user's";
      await requireNoMount(folder.path());
      for (const child of await readdir(folder.path())) await removeTree(folder.path(child));
    } finally {
      await folder.close();
    }
    const left = (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" ? undefined : this.inWords(error.message);
    return rmdir(this.path(name)).then(() => undefined, left);
  }

  /** Makes its entries durable. */
  sync(): Promise<void> {
    return this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

const openFolder = (path: string, more: number) =>
  open(path, constants.O_RDONLY | constants.O_DIRECTORY | more);

const refusal = (path: string, what: string) =>
  new StageFailure(`${displayPath(path)} ${what}; nothing is written through it`, {
    hint: "see who put it there, delete it, and run the same command again",
    exitCode: EXIT.wrongSettings,
  });
