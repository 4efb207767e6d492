import { randomUUID } from "node:crypto";
import { access, constants, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { HeldFolder } from "../host/heldFolder";
import { removeAfterThisProcess } from "../host/lifeline";
import { displayPath } from "../host/project";
import { UUID } from "../host/uuid";

const INCOMING = ".incoming-";

export interface IncomingPlace {
  /** Where the finished thing will appear; made if it is not there. */
  readonly parent: string;
  /** Tells the incoming folders of several writers of the same parent apart; empty where there is one at a time. */
  readonly owner: string;
  /** What names the parent, for the hint, such as `the setting "path"`. */
  readonly namedBy: string;
  /**
   * Waits until nobody else writes in the parent; what it gives lets the next one in. Before it is done, nothing there is deleted: an
   * incoming folder may be that of a run that goes on.
   */
  readonly claim?: (parent: HeldFolder) => Promise<() => Promise<void>>;
}

/** Both are held open: others may be able to write in the parent. */
export interface Incoming {
  readonly folder: HeldFolder;
  /** Its name in the parent. */
  readonly name: string;
  readonly parent: HeldFolder;
}

/**
 * Lets something be put together in a folder beside its final place, from where it is moved by renames. The folder is deleted
 * afterwards, however this process ends; one that a power cut left is deleted beforehand, if it is the same owner's.
 *
 * @throws StageFailure (exit code 3) where the parent cannot be written, (2) where it is somebody else's link
 */
export async function withIncoming<T>(
  { parent: path, owner, namedBy, claim }: IncomingPlace,
  fill: (incoming: Incoming) => Promise<T>,
): Promise<T> {
  const prefix = `${INCOMING}${owner}`;
  const name = `${prefix}${randomUUID()}`;
  let parent: HeldFolder | undefined;
  let folder: HeldFolder | undefined;
  let letNextIn: (() => Promise<void>) | undefined;
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
    parent = await HeldFolder.open(path);
    await access(parent.path(), constants.W_OK);
    letNextIn = await claim?.(parent);
    for (const left of await readdir(parent.path())) {
      // somebody's own folder may begin in the same way
      const isOurs = left.startsWith(prefix) && UUID.test(left.slice(prefix.length));
      if (isOurs) await parent.removeFolder(left);
    }
    removeAfterThisProcess(join(path, name));
    folder = (await parent.enter(name, true))!;
  } catch (error) {
    await letNextIn?.();
    await parent?.close();
    if (error instanceof StageFailure) throw error;
    const words = parent?.inWords((error as Error).message) ?? (error as Error).message;
    throw new StageFailure(`${displayPath(path)}: ${words}`, {
      hint: `${namedBy} must name a folder that can be written`,
      exitCode: EXIT.lacking,
    });
  }
  try {
    return await fill({ folder, name, parent });
  } catch (error) {
    // paths through an open folder say nothing to people
    throw parent.named(folder.named(error as Error));
  } finally {
    await folder.close();
    await parent.removeFolder(name);
    await letNextIn?.();
    await parent.close();
  }
}
