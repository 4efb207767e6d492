import { requireLibvirt } from "../executors/libvirtHost";
import { EXIT, StageFailure } from "../host/failure";
import { inProject } from "../host/project";
import { writeObstacle } from "../host/writable";
import type { StackIdentity } from "../plan/identity";
import type { ImageSpec } from "../plan/imageSpec";
import type { PublishedDigest } from "../plan/publishedDigest";
import { publicationRoot } from "../plan/roots";
import { requireApart } from "../release/apart";
import { outputFolder, requireOwnFolder } from "../release/owner";
import { stacksReleasing } from "../release/holders";
import { findSource, isNoFile, missingSource, type WantedSource } from "../store/sourceFile";
import type { PlannedImage } from "./plan";
import { imagesToRun, makePlan, type StackPlan } from "./stackPlan";

/**
 * Plans a run that can begin and end: the folders of releases are nobody else's; where a base is made from an ISO or a disk, that is
 * there or can be fetched; what has to be laid down has places that can be written, or a libvirt pool that is there.
 *
 * @throws StageFailure that says what is lacking; see `makePlan` too
 */
export async function planRun(...given: Parameters<typeof makePlan>): Promise<StackPlan> {
  const [{ home }, spec, owner] = given;
  await requireOwnPlaces(home, spec.images, owner);
  const plan = await makePlan(...given);
  const images = imagesToRun(plan);
  for (const image of images) {
    const source = wantedSource(image.spec, image.files.source);
    if (
      source &&
      image.plan.base &&
      !isThere(image, "base") &&
      (isNoFile(source) || (source.urls.length === 0 && !findSource(home, source)))
    ) {
      throw missingSource(source);
    }
  }
  const problems = images.flatMap((image) =>
    placesOf(image.spec)
      .filter(({ root }) => !isThere(image, root))
      .flatMap(({ folder, setting }) => {
        const obstacle = writeObstacle(folder);
        return obstacle ? [`${obstacle}: the setting ${setting} has results laid down there`] : [];
      }),
  );
  if (problems.length === 0) {
    await requirePools(images);
    return plan;
  }
  throw new StageFailure([...new Set(problems)].join("\n"), {
    hint: "let the setting name a folder that can be written, or see to its rights",
    exitCode: EXIT.lacking,
  });
}

/** @throws StageFailure (exit code 2) where a folder for results is another stack's, or lies in what is kragle's already */
export async function requireOwnPlaces(
  home: string,
  images: readonly Pick<ImageSpec, "path" | "publish">[],
  owner: StackIdentity,
): Promise<void> {
  const releasing = await stacksReleasing(home);
  for (const image of images) {
    const [release, ...publications] = placesOf(image);
    await requireApart(home, release!, publications, releasing);
    await requireOwnFolder(home, release!.folder, owner);
  }
}

/**
 * The file from which the base is made, and where it can be had; undefined where it is bootstrapped.
 *
 * @param digest of the disk that the image begins with
 */
export function wantedSource(
  { iso, from }: ImageSpec,
  digest: PublishedDigest | null,
): (WantedSource & { readonly urls: readonly string[] }) | undefined {
  if (from && digest) return { ...from, digest };
  if (!iso) return undefined;
  const { path, urls, sha256 } = iso;
  return { kind: "iso", path, urls, digest: { algorithm: "sha256", hex: sha256 } };
}

/** The folders outside of the store in which stages lay down results, by root. */
export const placesOf = ({ path, publish }: Pick<ImageSpec, "path" | "publish">) => [
  { root: "release", folder: outputFolder(path), setting: "path" },
  ...publish.flatMap(({ name, destination }) =>
    "folder" in destination
      ? [{ root: publicationRoot(name), folder: inProject(destination.folder), setting: "publish" }]
      : [],
  ),
];

/** The libvirt pools that take copies of an image, by root. */
export const poolsOf = ({ publish }: Pick<ImageSpec, "publish">) =>
  publish.flatMap(({ name, destination }) =>
    "pool" in destination
      ? [{ root: publicationRoot(name), ...destination, otherwise: "leave it out of publish" }]
      : [],
  );

/** A build that takes long has places for its copies before it starts. */
async function requirePools(images: readonly PlannedImage[]): Promise<void> {
  const wanted = images.flatMap((image) =>
    poolsOf(image.spec).filter(({ root }) => !isThere(image, root)),
  );
  const all = new Map(
    wanted.map(({ uri, pool, otherwise }) => [`${uri} ${pool}`, { uri, pool, otherwise }]),
  );
  for (const { uri, pool, otherwise } of all.values()) await requireLibvirt(uri, pool, otherwise);
}

/** Whether the store has a stage's whole result, which is not to be made again. */
export const isThere = ({ observed }: PlannedImage, root: string) =>
  ["present", "unheld"].includes(observed.get(root)?.observation.state ?? "missing");
