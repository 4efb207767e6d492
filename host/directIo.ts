import { constants } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

/** Whether a folder's file system takes O_DIRECT; some, such as older tmpfs and ZFS, refuse it when a file is opened. */
export async function takesDirectIo(folder: string): Promise<boolean> {
  const file = join(folder, `.direct-io-${process.pid}`);
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_DIRECT;
  try {
    const handle = await open(file, flags, 0o600);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EINVAL") return false;
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}
