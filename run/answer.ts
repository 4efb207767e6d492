import { projectFolder } from "../host/project";
import { stageKey } from "../plan/description";
import { pointsRoot } from "../plan/roots";
import type { StageAnswer, StageCall } from "../plan/stages/call";
import { image } from "../plan/stages/image";
import type { ArtifactStore } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import type { Roots } from "../store/roots";

/** Whether a marker (`rebuild:<publishedAt>`) says that the artifact of that time of publication must be made again. */
export function refuses(marker: string | undefined, publishedAt: string): boolean {
  return marker === `rebuild:${publishedAt}`;
}

/** Whether a marker says that a result is to be made again although it is there and whole. */
export const isRebuild = (marker: string | undefined): boolean =>
  marker?.startsWith("rebuild:") ?? false;

/** The manifest of a stage's result where the store has it whole and it is not refused; otherwise the stage has to run. */
export async function findResult(
  store: ArtifactStore,
  { description }: Pick<StageCall, "description">,
  marker: string | undefined,
): Promise<Manifest | undefined> {
  const found = await store.lookup(description.stage, stageKey(description));
  if (found.state !== "present") return undefined;
  return refuses(marker, found.manifest.publishedAt) ? undefined : found.manifest;
}

/** Makes a result one that the stack uses. An image keeps the points of its own build, and no more those of one that has failed. */
export async function claimResult(roots: Roots, root: string, manifest: Manifest): Promise<void> {
  const { stage, key, publishedAt, description, seconds } = manifest;
  await roots.set(root, { stage, key, publishedAt, description, seconds, ...placeOf(manifest) });
  if (stage === image.stage) await roots.drop(pointsRoot(root));
}

/** From where the relative paths of the files lead that a stage laid down outside of the store; nothing where it did not. */
const placeOf = ({ external }: Manifest) => (external.length > 0 ? { folder: projectFolder } : {});

/** What a stage's command prints of its result. */
export function answerOf(manifest: Manifest): StageAnswer {
  const { stage, key, publishedAt, result, files } = manifest;
  return {
    stage,
    key,
    publishedAt,
    result,
    ...placeOf(manifest),
    files: Object.fromEntries(files.map(({ path, sha256, bytes }) => [path, { sha256, bytes }])),
  };
}
