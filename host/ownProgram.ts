import { extname, resolve } from "node:path";

import { inPackage } from "./project";

/**
 * What starts a program of kragle's own in a process of its own: its TypeScript by the loader, or what was built of it.
 *
 * @param path of its source, below the package, without extension
 */
export function ownProgram(path: string): readonly [string, ...string[]] {
  const extension = extname(__filename);
  const loader = extension === ".ts" ? ["--require", inPackage("setup/loader.cjs")] : [];
  return [process.execPath, ...loader, resolve(__dirname, "..", path + extension)];
}
