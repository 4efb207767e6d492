import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { outputOf } from "./process";
import { packageFolder } from "./project";

/** Which kragle this is. */
export interface KragleVersion {
  readonly version: string;
  /** Commit of the checkout that it is a part of; undefined where it is none, or the machine has no git. */
  readonly commit?: string;
  /** Whether tracked files of its folder differ from that commit. */
  readonly modified?: boolean;
}

let known: Promise<KragleVersion> | undefined;

/** As it was when this process asked first: that is the code that runs. */
export const kragleVersion = (): Promise<KragleVersion> => (known ??= versionIn(packageFolder));

/** Variables that a hook of Git's gives to what it starts: they would make another repository answer. */
const OF_A_HOOK = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"];

/** The version of the kragle in a folder. */
export async function versionIn(folder: string): Promise<KragleVersion> {
  const text = await readFile(join(folder, "package.json"), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  const plain = ["env", ...OF_A_HOOK.flatMap((name) => ["-u", name])] as const;
  const git = async (...args: string[]) =>
    (await outputOf([...plain, "git", "-C", folder, ...args])).trim();
  try {
    // an unpacked kragle may lie in somebody else's checkout
    await git("ls-files", "--error-unmatch", "package.json");
    const commit = await git("rev-parse", "HEAD");
    const changes = await git("status", "--porcelain", "--untracked-files=no", "--", ".");
    return { version, commit, modified: changes !== "" };
  } catch {
    return { version };
  }
}
