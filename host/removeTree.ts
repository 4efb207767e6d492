import { realpath, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { EXIT, StageFailure } from "./failure";
import { mountPoints } from "./mountPoints";
import { displayPath } from "./project";

/**
 * Deletes a file, a link, or a folder with everything in it; what is absent is no error. What is mounted in it is somebody else's,
 * though it lies at a path of kragle's: then nothing is deleted.
 *
 * @throws StageFailure (exit code 3) that names the mount
 */
export async function removeTree(path: string): Promise<void> {
  await requireNoMount(path);
  await rm(path, { recursive: true, force: true }).catch((error: NodeJS.ErrnoException) => {
    // Node takes a file that it may not delete for a folder, and then tells of that
    if (error.code !== "ENOTDIR" || error.syscall !== "scandir") throw error;
    const { path: file = path } = error;
    const words = `${displayPath(file)} may not be deleted; is it immutable (lsattr)?`;
    throw Object.assign(new Error(words), { code: "EPERM", syscall: "unlink", path: file });
  });
}

/** @throws StageFailure (exit code 3) where a path, or anything below it, is a mount point of this process's */
export async function requireNoMount(path: string): Promise<void> {
  const above = await realpath(dirname(path)).catch(() => undefined);
  if (above === undefined) return;
  const real = join(above, basename(path));
  const mount = mountPoints().find((point) => point === real || point.startsWith(`${real}/`));
  if (mount === undefined) return;
  throw new StageFailure(
    `something is mounted at ${displayPath(mount)}; nothing is deleted there`,
    {
      hint: "see what it is (findmnt), umount it, and run the same command again",
      exitCode: EXIT.lacking,
    },
  );
}
