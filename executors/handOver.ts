import { chown } from "node:fs/promises";
import { join } from "node:path";

import { listFiles, listFolders } from "../host/files";
import { BUILD_GID, BUILD_UID } from "./container";

/** Gives a work folder and what is in it to the user of unprivileged containers; only root has to, others are that user. */
export async function handToContainer(folder: string): Promise<void> {
  if (process.getuid!() !== 0) return;
  const paths = new Set([folder, join(folder, "logs")]);
  for (const name of await listFolders(folder)) paths.add(join(folder, name));
  for (const name of await listFiles(folder)) paths.add(join(folder, name));
  for (const path of paths) await chown(path, BUILD_UID, BUILD_GID).catch(() => undefined);
}
