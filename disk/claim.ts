import { constants } from "node:fs";
import { type FileHandle, lstat, open, rename, stat, statfs, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { formatSize } from "../plan/units";
import { EXIT, StageFailure } from "../host/failure";
import { isSameFile, syncPath } from "../host/files";
import { afterThisProcess } from "../host/lifeline";
import { lockHandle } from "../host/lock";
import { runProgram } from "../host/process";
import { explainSize } from "./sizeLimit";

/** A target that nobody else can write to until it is released. */
export interface Claim {
  /** Where to write: the device itself, or the unfinished file beside the final name. */
  readonly path: string;
  readonly handle: FileHandle;
  /** Makes the written content durable and, of a file, visible. */
  finish(): Promise<void>;
  /** Ends the claim; deletes an unfinished file. */
  release(): Promise<void>;
}

/**
 * Opens a device with the kernel's exclusive claim: none of it can be mounted, swapped to or claimed by another program until
 * it is released, and it is refused where somebody has it. The kernel drops the claim when this process ends.
 */
export async function claimDevice(path: string): Promise<Claim> {
  const handle = await open(path, constants.O_RDWR | constants.O_EXCL).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EBUSY") {
        throw new StageFailure(
          `${path} is in use: the kernel says that another program holds it or a part of it`,
          {
            hint: "another write may be under way, or another mount namespace may have it mounted",
            exitCode: EXIT.wrongSettings,
          },
        );
      }
      throw cannotOpen(path, error);
    },
  );
  let written = false;
  return {
    path,
    handle,
    finish: async () => {
      await handle.sync();
      written = true;
    },
    release: async () => {
      await handle.close();
      // makes the kernel read the new partition table; that may fail, for instance on a device without partitions
      if (written) await runProgram(["blockdev", "--rereadpt", path]).catch(() => undefined);
    },
  };
}

/**
 * Makes a file of the image's size beside the final name, which appears only by `finish`. A lock beside it keeps a second writer of this
 * name away, also one of another clone with a home of its own. It is no lock on the file: on NFS that would shut out qemu-img, too.
 *
 * @param judge rejects where the final name must not be replaced; it is asked once more when the image has been written
 * @throws LockHeld while another process writes to the same name
 */
export async function claimFile(
  path: string,
  bytes: { readonly virtual: number; readonly data: number },
  judge: () => Promise<void> = () => Promise.resolve(),
): Promise<Claim> {
  const folder = dirname(path);
  const beside = (what: string) => join(folder, `.${basename(path)}.kragle-${what}`);
  const [unfinished, lockedBy] = [beside("unfinished"), beside("lock")];
  const lock = await lockBeside(lockedBy, path);
  // also where this process is killed; not where the next one has the lock by then
  const leftover = afterThisProcess(REMOVE_UNLOCKED, unfinished, lockedBy);
  let handle: FileHandle | undefined;
  let finished = false;
  const release = async () => {
    await handle?.close();
    // while it is locked: afterwards the names may be another process's
    const names = finished ? [lockedBy] : [unfinished, lockedBy];
    // on a failing disk they may stay; the error of the write itself must not be hidden by that
    for (const name of names) await unlink(name).catch(() => undefined);
    leftover.cancel();
    await lock.close();
  };
  try {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < bytes.data) {
      throw new StageFailure(
        `${folder} has ${formatSize(bavail * bsize)} free, the image's data needs ${formatSize(bytes.data)}`,
        { exitCode: EXIT.lacking },
      );
    }
    const left = await lstat(unfinished).catch(() => undefined);
    if (left && !left.isFile()) throw foreign(unfinished);
    if (left) await unlink(unfinished);
    handle = await open(unfinished, "wx+").catch((error: NodeJS.ErrnoException) => {
      throw cannotOpen(unfinished, error);
    });
    await handle.truncate(bytes.virtual).catch(async (error: NodeJS.ErrnoException) => {
      throw (await explainSize(path, bytes.virtual, error)) ?? error;
    });
    const file = handle;
    return {
      path: unfinished,
      handle: file,
      finish: async () => {
        await file.sync();
        await judge();
        await rename(unfinished, path);
        finished = true;
        await syncPath(folder);
      },
      release,
    };
  } catch (error) {
    // what is not kragle's stays
    finished ||= handle === undefined;
    await release();
    throw error;
  }
}

/**
 * Deletes $1 and its lock $2 once nobody holds that. A process that ends gives its files back one by one, so that the lock may last a
 * moment longer than the pipe that tells its end; and by the time that it is had, its name may be another lock's.
 */
const REMOVE_UNLOCKED = `
exec 3<"$2" || exit
flock --timeout 5 3 && [ "$2" -ef /dev/fd/3 ] && rm -f -- "$1" "$2"`;

/** @returns the locked file, whose end lets the next one in */
async function lockBeside(name: string, target: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  for (;;) {
    const flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    const handle = await open(name, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ELOOP" ? foreign(name) : cannotOpen(target, error);
    });
    try {
      const facts = await handle.stat();
      if (!facts.isFile() || facts.nlink > 1) throw foreign(name);
      await lockHandle(handle, { noWait: true }, () => Promise.resolve(`a write to ${target}`));
      const now = await stat(name).catch(() => undefined);
      if (now && isSameFile(now, facts)) return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
    // the process that had it has ended just now
    await handle.close();
  }
}

const foreign = (path: string) =>
  new StageFailure(`${path} is not kragle's; nothing is written to it`, {
    hint: "see who put it there, move it away, and run the same command again",
    exitCode: EXIT.wrongSettings,
  });

function cannotOpen(path: string, error: NodeJS.ErrnoException): StageFailure {
  const forbidden = error.code === "EACCES" || error.code === "EPERM";
  return new StageFailure(`${path} cannot be opened for writing: ${error.message}`, {
    hint: forbidden ? "run the same command as root, for instance with sudo" : undefined,
    exitCode: EXIT.lacking,
  });
}
