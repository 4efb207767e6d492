import type { Executor } from "./executor";
import { StageFailure } from "../host/failure";
import { removeTree } from "../host/removeTree";

/** Where a container can be had that deletes what this user may not. */
export interface Clearing {
  readonly run: Executor["run"];
  /** undefined for a stage without containers. */
  readonly image: string | undefined;
  /** Makes the folder with lifeline.py. */
  readonly programs: () => Promise<string>;
  readonly storeId: string;
  readonly key: string;
}

/**
 * Deletes a work folder. A container that ran as root and was killed leaves root's files in it; where this
 * process is not root, a container has to delete them.
 */
export async function clearFolder(folder: string, clearing: Clearing): Promise<void> {
  const clear = () => removeTree(folder);
  try {
    await clear();
  } catch (error) {
    const { run, image, programs, ...marks } = clearing;
    const { code } = error as NodeJS.ErrnoException;
    if (!image || !["EACCES", "EPERM"].includes(code ?? "")) throw error;
    const { exitCode, tail } = await run({
      ...marks,
      image,
      programs: await programs(),
      run: ["find", "/result", "-mindepth", "1", "-delete"],
      user: "root",
      network: "none",
      outputs: [{ at: "/result", path: folder }],
      settings: {},
      log: "/dev/null",
      onLine: () => undefined,
      deadlineSeconds: 120,
    });
    if (exitCode !== 0) throw new StageFailure(`${folder} cannot be deleted: ${tail.join("\n")}`);
    await clear();
  }
}
