import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";

/** Why nothing can be laid down in a folder, which is made where it is not there; undefined where it can. */
export function writeObstacle(folder: string): string | undefined {
  let nearest = folder;
  try {
    while (!statSync(nearest, { throwIfNoEntry: false })) nearest = dirname(nearest);
    if (!statSync(nearest).isDirectory()) return `${nearest} is no folder`;
    accessSync(nearest, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EACCES" ? "permission denied" : code === "EROFS" ? "read-only" : code;
    return `${nearest} cannot be written (${why})`;
  }
}
