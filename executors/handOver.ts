import { chmod, lchown, mkdir } from "node:fs/promises";
import { join } from "node:path";

import { listFiles, listFolders } from "../host/files";

/** The uid and gid of unprivileged containers: the caller's own, or one that no account has where the caller is root. */
export const BUILD_UID = process.getuid!() || 10177;
export const BUILD_GID = process.getuid!() === 0 ? BUILD_UID : process.getgid!();

/**
 * Gives a folder and what is in it to the user of unprivileged containers; where this process is not root's, that is its own user.
 * The folder is made where it is absent.
 */
export async function handToContainer(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (process.getuid!() !== 0) return;
  const below = [...(await listFolders(folder)), ...(await listFiles(folder))];
  for (const path of [folder, ...below.map((name) => join(folder, name))]) {
    // a link that a container has put there meanwhile leads nowhere
    await lchown(path, BUILD_UID, BUILD_GID).catch(() => undefined);
  }
}

/** Closes a folder of the store to all but the user who runs kragle, and the containers. */
export async function closeToOthers(folder: string): Promise<void> {
  await handToContainer(folder);
  await chmod(folder, 0o700);
}
