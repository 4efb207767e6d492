import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";

import { EXIT, isDiskFull, StageFailure } from "./failure";
import { displayPath } from "./project";

export interface LockOptions {
  readonly shared?: boolean;
  /** Called once, with what is known of the holder, when the lock is taken and has to be waited for. */
  readonly onWait?: (holder: string) => void;
  /** Ends the waiting; `lockFile` then rejects with an AbortError. */
  readonly signal?: AbortSignal;
  /** Fail instead of waiting. */
  readonly noWait?: boolean;
}

export class LockHeld extends Error {
  constructor(readonly holder: string) {
    super(`another run holds the lock (${holder})`);
  }
}

/**
 * Takes a kernel lock (flock) on a file. The kernel drops it when this process ends, however it ends, so no stale lock can remain.
 *
 * Node has no call for it, so flock(1) of util-linux takes the lock on a file descriptor that it inherits. The lock belongs to what
 * both descriptors refer to, the open file: it stays when flock(1) has ended.
 *
 * @returns the function that releases it
 */
export async function lockFile(
  path: string,
  options: LockOptions = {},
): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  // through a link, what it leads to would be emptied
  const handle = await open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw notAFile(path);
    await lockHandle(handle, options, () => readFile(path, "utf8").catch(() => ""));
    if (!options.shared) {
      await handle.truncate(0);
      const name = `process ${process.pid} since ${new Date().toISOString()}\n`;
      // on a full disk the lock has no name in it, and whoever frees space can take it
      await handle.appendFile(name).catch(unlessFull);
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  return async () => {
    // holders of a shared lock write no name: whoever waits for one would be told that this process holds it
    if (!options.shared) await handle.truncate(0);
    await handle.close();
  };
}

const notAFile = (path: string) =>
  new StageFailure(
    `${displayPath(path)} stands where kragle keeps a lock, and is no regular file`,
    {
      hint: "see who put it there, move it away, and run the same command again",
      exitCode: EXIT.lacking,
    },
  );

function unlessFull(error: NodeJS.ErrnoException): void {
  if (!isDiskFull(error)) throw error;
}

/**
 * The same on a file that is open. The lock ends when the file is closed.
 *
 * @param holder what is known of whoever holds it
 */
export async function lockHandle(
  handle: FileHandle,
  { shared, signal, noWait, onWait }: LockOptions,
  holder: () => Promise<string> = () => Promise.resolve(""),
): Promise<void> {
  const flock = async (...args: string[]) => {
    // not by runProgram: the lock's descriptor has to be handed on
    const child = spawn("flock", [shared ? "-s" : "-x", ...args, "3"], {
      stdio: ["ignore", "ignore", "inherit", handle.fd],
      signal,
    });
    const [code] = (await once(child, "exit")) as [number | null];
    return code === 0;
  };
  if (await flock("-n")) return;
  const name = (await holder()).trim() || "holder unknown";
  if (noWait) throw new LockHeld(name);
  onWait?.(name);
  if (!(await flock())) throw new Error("flock failed");
}
