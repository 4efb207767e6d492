import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { atomicWrite } from "../host/atomicWrite";
import { StageFailure } from "../host/failure";
import { readIfRegular } from "../host/regularFile";
import { shortIdentity, type StackIdentity } from "../plan/identity";
import { imageOfRoot } from "../plan/roots";
import type { StageCall } from "../plan/stages/call";
import { check } from "../plan/stages/check";
import type { StageContract } from "../plan/stages/contract";
import { fileName, nameOf } from "../store/names";
import { REFUSED } from "../store/ownership";

/** A proof has judged the image, and it did not pass. */
export class ImageRefused extends StageFailure {}

const WATCH_MS = 1000;

/** A running stage's part in what is said below. */
export interface BesideOthers {
  /** Aborted, with words for the user, when another stage refuses the same image. */
  readonly signal: AbortSignal;
  /** Tells the others that this stage has refused it. */
  tell(): Promise<void>;
  stop(): void;
}

/**
 * What follows an image runs side by side, each in a process that an engine has started. They learn of a refusal by a file of each
 * stage, which holds the digest of the image that it has refused, and end: a boot of a refused image can no longer count. Check goes on,
 * since it is short and says what else is wrong. Only a file that appears meanwhile counts: what was refused before is judged again.
 *
 * @param home the `.kragle` folder
 * @param owner another stack may have other rules for the same image
 * @returns undefined for a stage that is not about an image
 */
export async function besideOthers(
  home: string,
  { stage }: StageContract,
  owner: StackIdentity,
  { root, description }: Pick<StageCall, "root" | "description">,
): Promise<BesideOthers | undefined> {
  const image = (description.upstream as { imageSha256?: unknown }).imageSha256;
  if (typeof image !== "string") return undefined;
  const folder = join(home, REFUSED, shortIdentity(owner));
  const own = join(folder, fileName(root));
  await rm(own, { force: true });
  const before = await refusals(folder, image, root);
  const controller = new AbortController();
  const look = async () => {
    const now = await refusals(folder, image, root);
    const by = [...now].find(([name, time]) => name !== root && before.get(name) !== time)?.[0];
    if (by !== undefined) controller.abort(pointless(by));
  };
  const timer = stage === check.stage ? undefined : setInterval(() => void look(), WATCH_MS);
  return {
    signal: controller.signal,
    tell: () => atomicWrite(own, image),
    stop: () => clearInterval(timer),
  };
}

/**
 * When each stage has refused the image, by its root.
 *
 * @param of a stage's root: another image of the stack may have the same content, and other rules
 */
async function refusals(
  folder: string,
  image: string,
  of: string,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    const digest = readIfRegular(file, image.length)?.toString();
    const written = await stat(file).catch(() => undefined);
    const root = nameOf(name);
    if (root === undefined || imageOfRoot(root) !== imageOfRoot(of)) continue;
    if (digest === image && written) found.set(root, written.mtimeMs);
  }
  return found;
}

const pointless = (by: string) =>
  new StageFailure(`ended, since ${by} has refused this image`, { hint: `see what ${by} says` });
