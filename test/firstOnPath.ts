import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const { PATH } = process.env;

/** Puts a program first on this process's PATH: a shell script, in a folder of the test's own. */
export function firstOnPath(folder: string, name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  process.env.PATH = [folder, PATH].join(delimiter);
}

export function restorePath(): void {
  process.env.PATH = PATH;
}
