import { constants } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

/** Whether a folder's file system takes O_DIRECT; some, such as older tmpfs and ZFS, refuse it when a file is opened. */
export async function takesDirectIo(folder: string): Promise<boolean> {
  const file = join(folder, `.direct-io-${process.pid}`);
  try {
    await (await open(file, "wx", 0o600)).close();
    return await opensDirectly(file);
  } finally {
    await rm(file, { force: true });
  }
}

/** Whether a file can be opened with O_DIRECT. */
export async function opensDirectly(file: string): Promise<boolean> {
  try {
    await (await open(file, constants.O_WRONLY | constants.O_DIRECT)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EINVAL") return false;
    throw error;
  }
}
