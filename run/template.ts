import { chmod, cp } from "node:fs/promises";
import { join } from "node:path";

import { inProject } from "../host/project";

/**
 * Copies a template's folder into a stage's work folder, where a container can read it: links to files that templates share
 * become files, which a mount of the folder alone would not show.
 *
 * @returns the copy's path
 */
export async function copyTemplate(folder: string, work: string): Promise<string> {
  const copy = join(work, "template");
  await cp(inProject(folder), copy, { recursive: true, dereference: true });
  await chmod(copy, 0o755);
  return copy;
}
