import { dirname } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { inProject } from "../host/project";
import { shortKey } from "../plan/description";
import type { StackIdentity } from "../plan/identity";
import { releaseName, type StackRelease } from "../plan/imageSpec";
import type { ResultOf } from "../plan/stages/contract";
import { image, IMAGE } from "../plan/stages/image";
import { release } from "../plan/stages/release";
import { NAMES } from "../release/layout";
import { releasedSettings } from "../release/settings";
import { ReleaseFolder } from "../release/verify/folder";
import type { ArtifactStore } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import { releaseRoot } from "./releaseRoot";

/** What another stack has released, as an image is made on it. */
export interface ReleaseBelow {
  /** Of the stage that made its image. */
  readonly image: Manifest;
  /** Of the image's file, as it was released. */
  readonly sha256: string;
  readonly virtualBytes: number;
  /** The setting of the image that was released; undefined where that was left to its default. */
  readonly template: unknown;
  /** Which one it is, for whoever asks what will be done. */
  readonly note: string;
}

/**
 * Finds what a stack of the same clone, backend and project has released last, and looks whether all of it is as it was: the released files,
 * by the store's digests of them, and the image in the store, on which another one is made.
 *
 * @param owner of the stack that asks
 * @throws StageFailure that says what is lacking
 */
export async function findRelease(
  store: ArtifactStore,
  owner: StackIdentity,
  from: StackRelease,
): Promise<ReleaseBelow> {
  const root = await releaseRoot(store.home, owner, from);
  const name = releaseName(from);
  const again = `./kragle up -s ${from.stack} makes it whole`;
  const lacking = (why: string) =>
    new StageFailure(`the release of ${name} ${why}`, { hint: again, exitCode: EXIT.lacking });
  const found = await store.lookup(release.stage, root.key);
  if (found.state === "damaged") throw lacking(`is damaged: ${found.reason}`);
  if (found.state === "missing") throw lacking("is gone from the store");
  const { data: released } = release.result.safeParse(found.manifest.result);
  if (!released) throw lacking("is described as this version of kragle does not understand it");
  const { imageSha256: sha256, imageVirtualBytes: virtualBytes, releasedAt } = released;
  const built = await imageOf(store, sha256);
  if (typeof built === "string") throw lacking(`cannot be built on: its image ${built}`);
  const settings = await settingsOf(released);
  if (!settings) throw lacking(`is damaged: ${NAMES.provenance} is not as it was released`);
  const note = `made on the release of ${name}: ${shortKey(sha256)}, of ${releasedAt.slice(0, 16)}Z`;
  return { image: built, sha256, virtualBytes, template: settings.template, note };
}

/** The image of this content; why there is none, otherwise. */
async function imageOf(store: ArtifactStore, sha256: string): Promise<Manifest | string> {
  const made = (await store.manifests(image.stage))
    .filter(({ files }) => files.some((file) => file.path === IMAGE && file.sha256 === sha256))
    // the same one each time
    .sort((a, b) => (a.publishedAt < b.publishedAt ? -1 : 1));
  let why = "is gone from the store";
  for (const { key } of made) {
    const found = await store.lookup(image.stage, key);
    if (found.state === "present") return found.manifest;
    if (found.state === "damaged") why = `in the store is damaged: ${found.reason}`;
  }
  return why;
}

/** The settings of a released image, by its provenance; undefined where that is not the file that was released. */
async function settingsOf({ manifestPath, files }: ResultOf<typeof release>) {
  const folder = dirname(inProject(manifestPath));
  const settings = await releasedSettings(folder);
  const found = await new ReleaseFolder(folder).find(NAMES.provenance, undefined);
  const isAsReleased = "sha256" in found && found.sha256 === files[NAMES.provenance];
  return isAsReleased ? settings : undefined;
}
