import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join, relative } from "node:path";

import { projectFolder } from "../../host/project";

const FOREIGN = ["node_modules", ".git", ".kragle", "build", "dist"];

/** A file of the project and its first line. Links are left out: what they point to is there by its own name. */
interface Source {
  /** Relative to the project's folder. */
  readonly path: string;
  readonly firstLine: string;
}

/** Every file of the project that a person has written, sorted. */
function sources(folder = projectFolder): Source[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !(folder === projectFolder && FOREIGN.includes(name)))
    .flatMap((entry) => {
      const file = join(folder, entry.name);
      if (entry.isDirectory()) return sources(file);
      if (!entry.isFile()) return [];
      return [{ path: relative(projectFolder, file), firstLine: firstLine(file) }];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Those for a Bourne shell, whatever their names. */
export const shellScripts = (): string[] => named(/\.sh$/, /^#!.*\b(ba|da)?sh$/);

/** Those for Python, whatever their names. */
export const pythonPrograms = (): string[] => named(/\.py$/, /^#!.*\bpython3?$/);

function named(path: RegExp, firstLine: RegExp): string[] {
  return sources()
    .filter((source) => path.test(source.path) || firstLine.test(source.firstLine))
    .map((source) => source.path);
}

function firstLine(file: string): string {
  const handle = openSync(file, "r");
  try {
    const start = Buffer.alloc(256);
    const bytes = readSync(handle, start);
    return start.toString("latin1", 0, bytes).split("\n", 1)[0]!;
  } finally {
    closeSync(handle);
  }
}
