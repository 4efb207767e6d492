import { join, relative, resolve } from "node:path";

/** The folder with Pulumi.yaml. Relative paths in settings, and in what stages print, are relative to it. */
export const projectFolder = resolve(__dirname, "..");

/** A path for people: relative to where they stand if that is shorter. */
export function displayPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.length < path.length && !near.startsWith("../../") ? near || "." : path;
}

/** A path from the settings as an absolute one. */
export const inProject = (path: string) => resolve(projectFolder, path);

export const builderFolder = join(projectFolder, "builder");

/** kragle's own programs that stages run in containers. */
export const programsFolder = join(builderFolder, "stages");
