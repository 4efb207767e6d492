import { rm } from "node:fs/promises";

import { runContainer } from "./container";
import { StageFailure } from "../host/failure";

/**
 * Deletes a work folder. What root in a container left in it when it was killed belongs to root; where the caller is not root, a container
 * has to delete it.
 */
export async function clearFolder(
  folder: string,
  container: { readonly image: string | undefined; readonly storeId: string; readonly key: string },
): Promise<void> {
  const clear = () => rm(folder, { recursive: true, force: true });
  try {
    await clear();
  } catch (error) {
    const { image, ...marks } = container;
    const { code } = error as NodeJS.ErrnoException;
    if (!image || !["EACCES", "EPERM"].includes(code ?? "")) throw error;
    const { exitCode, tail } = await runContainer({
      ...marks,
      image,
      run: ["find", "/result", "-mindepth", "1", "-delete"],
      user: "root",
      network: "none",
      binds: [{ source: folder, target: "/result" }],
      settings: {},
      log: "/dev/null",
      onLine: () => undefined,
      deadlineSeconds: 120,
    });
    if (exitCode !== 0) throw new StageFailure(`${folder} cannot be deleted: ${tail.join("\n")}`);
    await clear();
  }
}
