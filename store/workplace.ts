import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { type LockOptions, lockFile } from "../host/lock";

/** Where stages of this machine work until their results are published, and the locks by which runs keep out of each other's way. */
export class Workplace {
  /** @param home the `.kragle` folder */
  constructor(readonly home: string) {}

  /** Where a stage works until it is published; only the holder of the stage's lock uses it. */
  workFolder(stage: string, key: string): string {
    return join(this.home, "work", `${stage}-${key}`);
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

  /** Takes a folder out of sight by one rename, then deletes it. */
  async discard(folder: string): Promise<void> {
    if (!existsSync(folder)) return;
    const trash = join(this.home, "trash", randomUUID());
    const moved = await mkdir(dirname(trash), { recursive: true })
      .then(() => rename(folder, trash))
      .then(
        () => trash,
        (error: NodeJS.ErrnoException) => {
          // on a full disk not even a folder can be made: what is then half deleted counts as damaged
          if (error.code !== "ENOSPC" && error.code !== "EDQUOT") throw error;
          return folder;
        },
      );
    await rm(moved, { recursive: true, force: true });
  }
}
