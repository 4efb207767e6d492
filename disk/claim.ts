import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { formatSize } from "../plan/units";
import { EXIT, StageFailure } from "../host/failure";
import { syncPath } from "../host/files";
import { afterThisProcess } from "../host/lifeline";
import { lockFile } from "../host/lock";
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
 * Makes a file of the image's size beside the final name, which appears only by `finish`.
 *
 * @param locks folder for the lock that keeps a second writer away
 * @param judge rejects where the final name must not be replaced; it is asked once more when the image has been written
 * @throws LockHeld while another process writes to the same name
 */
export async function claimFile(
  path: string,
  bytes: { readonly virtual: number; readonly data: number },
  locks: string,
  judge: () => Promise<void> = () => Promise.resolve(),
): Promise<Claim> {
  const folder = dirname(path);
  const name = createHash("sha256").update(path).digest("hex");
  const lock = join(locks, `write-${name}`);
  const unlock = await lockFile(lock, { noWait: true });
  const unfinished = join(folder, `.${basename(path)}.unfinished`);
  // Also where this process is killed; not while the next one, which makes the file anew, has the lock. A process that ends
  // gives its files back one by one, so that its lock may last a moment longer than the pipe that tells its end.
  const leftover = afterThisProcess('flock --timeout 5 "$2" rm -f -- "$1"', unfinished, lock);
  let handle: FileHandle | undefined;
  const release = async () => {
    await handle?.close();
    // on a failing disk the file may stay; the error of the write itself must not be hidden by that
    await rm(unfinished, { force: true }).catch(() => undefined);
    leftover.cancel();
    await unlock();
  };
  try {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < bytes.data) {
      throw new StageFailure(
        `${folder} has ${formatSize(bavail * bsize)} free, the image's data needs ${formatSize(bytes.data)}`,
        { exitCode: EXIT.lacking },
      );
    }
    await rm(unfinished, { force: true });
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
        await syncPath(folder);
      },
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

function cannotOpen(path: string, error: NodeJS.ErrnoException): StageFailure {
  const forbidden = error.code === "EACCES" || error.code === "EPERM";
  return new StageFailure(`${path} cannot be opened for writing: ${error.message}`, {
    hint: forbidden ? "run the same command as root, for instance with sudo" : undefined,
    exitCode: EXIT.lacking,
  });
}
