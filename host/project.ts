import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

import { expandHome } from "./user";

/** The folder with kragle's own files: `package.json`, `builder/`, `setup/`. What is built of its TypeScript lies in a folder of it. */
export const packageFolder = folderAbove(__dirname, ["package.json"])!;

/** What the Pulumi CLI takes for a project's file: DetectProjectPath in sdk/go/common/workspace/paths.go. */
const PROJECT_FILES = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

/** The command line of a project whose program has kragle as a package, relative to the project: see infra/reach.ts. */
export const LAUNCHER = join(".kragle", "bin", "kragle");

/**
 * The folder with Pulumi.yaml, which has `.kragle`. Relative paths in settings, and in what stages print, are relative to it. Here it
 * is kragle's own folder; a program that has kragle as a package has its own, see {@link workFor}.
 */
export let projectFolder = projectOfThisProcess();

/** Where Pulumi runs commands: see {@link workFor}. */
let programFolder = projectFolder;

/**
 * Makes another project the one that this process works for: that of the program in which kragle is a package. Its folder is where Pulumi
 * starts programs, plugins and commands alike: that of Pulumi.yaml, or of its `main` (pulumi/pulumi, getPwdMain in pkg/engine/project.go).
 *
 * @param folder of the program, in or below that of its project
 */
export function workFor(folder = process.cwd()): void {
  projectFolder = projectAround(folder) ?? folder;
  programFolder = folder;
}

/** A path as commands have to name it, which are run in the folder of the program. */
export const fromProgram = (path: string): string => relative(programFolder, inProject(path));

/** Whether kragle is no package here, but the project itself. */
export const isOwnProject = (): boolean => projectFolder === packageFolder;

/** A clone is its own project, from wherever it is called, unless that is a project whose program has it as a package. */
function projectOfThisProcess(): string {
  const near = projectAround(process.cwd());
  const isClone = projectAround(packageFolder) === packageFolder;
  if (isClone && !(near && existsSync(join(near, LAUNCHER)))) return packageFolder;
  return near ?? process.cwd();
}

/** The folder of the project in or below which a folder lies. */
export function projectAround(folder: string): string | undefined {
  return folderAbove(folder, PROJECT_FILES);
}

/** The nearest folder, upwards, that has a file of one of these names. */
function folderAbove(from: string, names: readonly string[]): string | undefined {
  for (let at = resolve(from); ; at = dirname(at)) {
    if (names.some((name) => existsSync(join(at, name)))) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** Where `.kragle` is, or what `KRAGLE_HOME` names in its place. */
export const homePath = (environment = process.env): string =>
  resolve(projectFolder, expandHome(environment.KRAGLE_HOME || ".kragle"));

/** A path for people: relative to where they stand if that is shorter. */
export function displayPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.length < path.length && !near.startsWith("../../") ? near || "." : path;
}

/** What the path of a file of kragle's own begins with where kragle is a package: where that is installed is nobody's business. */
const OWN = "kragle:";

/** A sentence that names commands of kragle's, with what they are called here: where a program has it as a package, Pulumi runs that. */
export const asCalledHere = (text: string): string =>
  isOwnProject()
    ? text
    : text
        .replace(/(\.\/kragle )?up --rebuild ([\w.-]+)/g, "KRAGLE_REBUILD=$2 pulumi up")
        .replaceAll("./kragle up", "pulumi up")
        .replaceAll("./kragle ", `${LAUNCHER} `);

/** A path of kragle's own files as the absolute one. */
export const inPackage = (path: string) => resolve(packageFolder, path);

/** A path from the settings, or from {@link ownPath}, as an absolute one. */
export const inProject = (path: string) =>
  path.startsWith(OWN) ? inPackage(path.slice(OWN.length)) : resolve(projectFolder, path);

/** How a request names a file of kragle's own, which stands in the state: by no folder of this machine. */
export const ownPath = (path: string): string => (isOwnProject() ? path : OWN + path);

/** The stacks that have a configuration file. */
export function stackNames(folder = projectFolder): string[] {
  return readdirSync(folder)
    .map((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1])
    .filter((name): name is string => name !== undefined)
    .sort();
}

export const builderFolder = inPackage("builder");

/** kragle's own programs that stages run in containers. */
export const programsFolder = join(builderFolder, "stages");
