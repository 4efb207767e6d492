import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, lstat, mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";

import { isAlive } from "../host/alive";
import { EXIT, isDiskFull, StageFailure } from "../host/failure";
import { readIfThere } from "../host/files";
import { type LockOptions, lockFile } from "../host/lock";
import { displayPath } from "../host/project";
import { removeTree, requireNoMount } from "../host/removeTree";

/**
 * Logs are redacted when they are whole, scripts may say what is not for every user of this machine, and an image is in the store before
 * it is searched for secrets. Containers see folders below, not these.
 */
const PRIVATE: ReadonlySet<string> = new Set(["store", "work", "failed", "trash", "bundles"]);

/** Where stages of this machine work until their results are published, and the locks by which runs keep out of each other's way. */
export class Workplace {
  /** @param home the `.kragle` folder */
  constructor(readonly home: string) {}

  /** Where a stage works until it is published; only the holder of the stage's lock uses it. */
  workFolder(stage: string, key: string): string {
    return join(this.home, "work", `${stage}-${key}`);
  }

  /**
   * Whether somebody works in a work folder: one that a killed run has left stays until the same stage runs again.
   *
   * @param name of the folder, which is that of its lock, too
   */
  isAtWork(name: string): boolean {
    const holder = readIfThere(join(this.home, "locks", name));
    return isAlive(Number(/^process (\d+) since/.exec(holder)?.[1]));
  }

  /** Where the evidence of the last failure of a stage is kept. */
  failedFolder(stage: string, key: string): string {
    return join(this.home, "failed", `${stage}-${key}`);
  }

  /** Takes the lock of one stage and key: two runs never build the same thing at once. */
  lockStage(stage: string, key: string, options: LockOptions): Promise<() => Promise<void>> {
    return lockFile(join(this.home, "locks", `${stage}-${key}`), options);
  }

  /** Shared by running stages, exclusive for garbage collection. */
  lockStore(options: LockOptions): Promise<() => Promise<void>> {
    return lockFile(join(this.home, "locks", "store"), options);
  }

  /**
   * Makes one of the home's folders, for this user alone where what lies in it is not for others.
   *
   * @throws StageFailure where something else has its name: through a link, what is written, deleted and given modes would be elsewhere
   */
  async provide(
    part: "store" | "work" | "failed" | "trash" | "bundles" | "packages",
  ): Promise<void> {
    const folder = join(this.home, part);
    await mkdir(this.home, { recursive: true });
    await mkdir(folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      if ((await lstat(folder)).isDirectory()) return;
      throw new StageFailure(`${displayPath(folder)} is no folder, or a link to one`, {
        hint: "move it away; to have the store on another disk, let KRAGLE_HOME name a folder there",
        exitCode: EXIT.lacking,
      });
    });
    if (PRIVATE.has(part)) await chmod(folder, 0o700);
  }

  /** Takes a folder out of sight by one rename, then deletes it. */
  async discard(folder: string): Promise<void> {
    if (!existsSync(folder)) return;
    await requireNoMount(folder);
    if (dirname(folder) === join(this.home, "trash")) return removeTree(folder);
    const trash = join(this.home, "trash", randomUUID());
    const moved = await this.provide("trash")
      .then(() => rename(folder, trash))
      .then(
        () => trash,
        (error: NodeJS.ErrnoException) => {
          // on a full disk not even a folder can be made: what is then half deleted counts as damaged
          if (!isDiskFull(error)) throw error;
          return folder;
        },
      );
    await removeTree(moved);
  }
}
