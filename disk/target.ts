import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, realpath, rename, rm, stat, statfs, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { formatSize } from "../plan/units";
import { EXIT, StageFailure } from "../host/failure";
import { syncPath } from "../host/files";
import { lockFile } from "../host/lock";
import { runProgram } from "../host/process";

/** What an image is to be written to: a block device, or a plain file that may be there already. */
export interface Target {
  readonly kind: "device" | "file";
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly exists: boolean;
}

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

const wrong = (message: string, hint?: string) =>
  new StageFailure(message, { hint, exitCode: EXIT.wrongSettings });

/** @throws StageFailure where the path leads to neither a block device nor a place for a file */
export async function findTarget(given: string): Promise<Target> {
  const path = resolve(given);
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isBlockDevice()) return { kind: "device", path: await realpath(path), exists: true };
  if (facts?.isFile()) return { kind: "file", path: await realpath(path), exists: true };
  if (facts) throw wrong(`${given} is neither a block device nor a file`);
  if (await lstat(path).catch(() => undefined)) {
    throw wrong(`${given} is a symbolic link that leads nowhere`);
  }
  const folder = await realpath(dirname(path)).catch(() => {
    throw wrong(`${given}: there is no folder ${dirname(path)}`);
  });
  // /dev is a file system in memory: a mistyped device name would become a large file there
  if ((await stat(folder)).dev === (await stat("/dev")).dev) {
    throw wrong(`there is no device ${given}`, "lsblk lists the devices of this machine");
  }
  return { kind: "file", path: join(folder, basename(path)), exists: false };
}

/**
 * Opens a device with the kernel's exclusive claim: none of it can be mounted, swapped to or claimed by another program until
 * it is released, and it is refused where somebody has it. The kernel drops the claim when this process ends.
 */
export async function claimDevice(path: string): Promise<Claim> {
  const handle = await open(path, constants.O_RDWR | constants.O_EXCL).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EBUSY") {
        throw wrong(
          `${path} is in use: the kernel says that another program holds it or a part of it`,
          "another write may be under way, or another mount namespace may have it mounted",
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
 * @throws LockHeld while another process writes to the same name
 */
export async function claimFile(
  path: string,
  bytes: { readonly virtual: number; readonly data: number },
  locks: string,
): Promise<Claim> {
  const folder = dirname(path);
  const name = createHash("sha256").update(path).digest("hex");
  const unlock = await lockFile(join(locks, `write-${name}`), { noWait: true });
  const unfinished = join(folder, `.${basename(path)}.unfinished`);
  try {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < bytes.data) {
      throw new StageFailure(
        `${folder} has ${formatSize(bavail * bsize)} free, the image's data needs ${formatSize(bytes.data)}`,
        { exitCode: EXIT.lacking },
      );
    }
    await rm(unfinished, { force: true });
    const handle = await open(unfinished, "wx+").catch((error: NodeJS.ErrnoException) => {
      throw cannotOpen(unfinished, error);
    });
    await handle.truncate(bytes.virtual);
    return {
      path: unfinished,
      handle,
      finish: async () => {
        await handle.sync();
        await rename(unfinished, path);
        await syncPath(folder);
      },
      release: async () => {
        await handle.close();
        // on a failing disk the file may stay; the error of the write itself must not be hidden by that
        await rm(unfinished, { force: true }).catch(() => undefined);
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
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
