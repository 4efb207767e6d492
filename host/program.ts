import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Folders of programs for the administrator, such as dockerd; a plain user's PATH may lack them. */
const ADMINISTRATION = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The path of a program, on PATH or in the administrator's folders; undefined where it is not installed. */
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
