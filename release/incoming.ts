import { randomUUID } from "node:crypto";
import { access, constants, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { removeAfterThisProcess } from "../host/lifeline";
import { displayPath } from "../host/project";

const INCOMING = ".incoming-";

export interface IncomingPlace {
  /** Where the finished thing will appear; made if it is not there. */
  readonly parent: string;
  /** Tells the incoming folders of several writers of the same parent apart; empty where there is one at a time. */
  readonly owner: string;
  /** What names the parent, for the hint, such as `the setting "path"`. */
  readonly namedBy: string;
}

/**
 * Lets something be put together in a folder beside its final place, from where it is moved by renames. The folder is deleted
 * afterwards, however this process ends; one that a power cut left is deleted beforehand, if it is the same owner's.
 *
 * @throws StageFailure (exit code 3) where the parent cannot be written
 */
export async function withIncoming<T>(
  { parent, owner, namedBy }: IncomingPlace,
  fill: (incoming: string) => Promise<T>,
): Promise<T> {
  const prefix = `${INCOMING}${owner}`;
  const incoming = join(parent, `${prefix}${randomUUID()}`);
  try {
    for (const name of await readdir(parent).catch(() => [])) {
      if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
    }
    removeAfterThisProcess(incoming);
    await mkdir(incoming, { recursive: true, mode: 0o755 });
    await access(parent, constants.W_OK);
  } catch (error) {
    throw new StageFailure(`${displayPath(parent)}: ${(error as Error).message}`, {
      hint: `${namedBy} must name a folder that can be written`,
      exitCode: EXIT.lacking,
    });
  }
  try {
    return await fill(incoming);
  } finally {
    await rm(incoming, { recursive: true, force: true });
  }
}
