import { readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";

import { expandHome } from "./user";

/** The folder with Pulumi.yaml. Relative paths in settings, and in what stages print, are relative to it. */
export const projectFolder = resolve(__dirname, "..");

/** Where `.kragle` is, or what `KRAGLE_HOME` names in its place. */
export const homePath = (environment = process.env): string =>
  resolve(projectFolder, expandHome(environment.KRAGLE_HOME || ".kragle"));

/** A path for people: relative to where they stand if that is shorter. */
export function displayPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.length < path.length && !near.startsWith("../../") ? near || "." : path;
}

/** A path from the settings as an absolute one. */
export const inProject = (path: string) => resolve(projectFolder, path);

/** The stacks that have a configuration file. */
export function stackNames(folder = projectFolder): string[] {
  return readdirSync(folder)
    .map((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1])
    .filter((name): name is string => name !== undefined)
    .sort();
}

export const builderFolder = join(projectFolder, "builder");

/** kragle's own programs that stages run in containers. */
export const programsFolder = join(builderFolder, "stages");
