import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { outputOf } from "./process";
import { projectFolder } from "./project";

/** Which kragle this is. */
export interface KragleVersion {
  readonly version: string;
  /** Commit of the checkout; undefined where it is none, or has no git. */
  readonly commit?: string;
  /** Whether tracked files differ from that commit. */
  readonly modified?: boolean;
}

let known: Promise<KragleVersion> | undefined;

/** As it was when this process asked first: that is the code that runs. */
export const kragleVersion = (): Promise<KragleVersion> => (known ??= readVersion());

async function readVersion(): Promise<KragleVersion> {
  const text = await readFile(join(projectFolder, "package.json"), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  const git = async (...args: string[]) =>
    (await outputOf(["git", "-C", projectFolder, ...args])).trim();
  try {
    const commit = await git("rev-parse", "HEAD");
    const changes = await git("status", "--porcelain", "--untracked-files=no");
    return { version, commit, modified: changes !== "" };
  } catch {
    return { version };
  }
}
