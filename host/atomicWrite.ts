import { randomUUID } from "node:crypto";
import { linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { syncPath } from "./files";

const unfinishedIn = (folder: string) => join(folder, `.${randomUUID()}~`);

/** Whether a name in a folder is that of a file which `atomicWrite` is writing, or was when its process ended. */
export const isUnfinished = (name: string): boolean => /^\.[\da-f-]{36}~$/.test(name);

/**
 * Writes a small file so that others see the old content or the new, never a part, also after a power cut: beside it under another
 * name, synced, renamed. Where several write at once, one of them wins.
 *
 * @param path of the file; folders above it are made where they are absent
 * @param like whose owner and mode it gets, as far as this user may give them; without it they are those of a new file
 * @throws the file system's error; the old content is there then, and nothing of the new
 */
export async function atomicWrite(
  path: string,
  text: string,
  like?: { readonly uid: number; readonly gid: number; readonly mode: number },
): Promise<void> {
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true });
  const unfinished = unfinishedIn(folder);
  try {
    const handle = await open(unfinished, "wx");
    try {
      await handle.writeFile(text);
      if (like) {
        const isOwn = like.uid === process.getuid!() && like.gid === process.getgid!();
        if (!isOwn) await handle.chown(like.uid, like.gid).catch(() => undefined);
        await handle.chmod(like.mode & 0o777);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw placed(error, path);
  }
  await syncPath(folder);
  // a new folder is an entry of the one above it
  for (let at = folder; made && at.length >= made.length; at = dirname(at)) {
    await syncPath(dirname(at));
  }
}

/**
 * Writes a small file where there is none yet, at once; where several do, the first of them wins.
 *
 * @returns whether it was this one
 */
export function writeOnce(path: string, text: string): boolean {
  return beside(path, text, (unfinished) => {
    try {
      // by a link, not a rename, which would replace what a quicker run wrote
      linkSync(unfinished, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      return false;
    }
  });
}

/** `atomicWrite` at once, in a folder that is there, of what can be found out again. */
export const replaceNow = (path: string, text: string): void =>
  beside(path, text, (unfinished) => renameSync(unfinished, path));

/** An error by the file's own name: a write on a full disk tells none, and the other one says nothing to people. */
const placed = (error: unknown, path: string): Error => Object.assign(error as Error, { path });

function beside<T>(path: string, text: string, use: (unfinished: string) => T): T {
  const unfinished = unfinishedIn(dirname(path));
  try {
    writeFileSync(unfinished, text, { flush: true });
    return use(unfinished);
  } catch (error) {
    throw placed(error, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
