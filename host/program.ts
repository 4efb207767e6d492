import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where programs for the administrator are; a plain user's PATH may not have it. */
const ADMINISTRATION = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Finds a program on PATH or among the administrator's. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...ADMINISTRATION];
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
