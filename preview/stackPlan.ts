import { isOwnHome } from "../host/home";
import { forProof, requireLibvirt } from "../executors/libvirtHost";
import type { Site } from "../executors/site";
import type { StackIdentity } from "../plan/identity";
import { type ImagePlan, toolsImageName } from "../plan/imagePlan";
import type { ImageSpec, SourceDisk, StackRelease, StackSpec } from "../plan/imageSpec";
import { imageOfRoot, rootOf } from "../plan/roots";
import { findSigner } from "../release/signing";
import { openStore } from "../store/open";
import { Roots } from "../store/roots";
import { readStackRecord, releasesOf } from "../store/stackRecord";
import { handImageDigest } from "./dockerContext";
import { Estimates } from "./estimates";
import { Observer } from "./observe";
import {
  type PlannedImage,
  type ObservedStage,
  planOne,
  sourceDigest,
  type StageHistory,
  type Surroundings,
} from "./plan";
import { requireReleases, requireWaysIn } from "./releasesBelow";
import { remembered } from "./remembered";
import { findRelease } from "./stackRelease";

/** The builder that all images of a plan share. */
export interface BuilderPlan {
  readonly planned: ImagePlan["builder"];
  readonly history: StageHistory;
  /** The image that runs the stages. */
  readonly reference: string;
  readonly marker: string | undefined;
  /** The image for use by hand; undefined where none is left. */
  readonly hand: { readonly digest: string; readonly marker: string | undefined } | undefined;
}

export interface StackPlan {
  readonly builder: BuilderPlan;
  /** In the order of the settings, each after the one that it is made on. */
  readonly images: readonly PlannedImage[];
  /** Names of the images that are wanted, and of those that they are made on; undefined for all. */
  readonly wanted: ReadonlySet<string> | undefined;
  /** The outputs of the last release of each, by the image's name. */
  readonly released: ReadonlyMap<string | null, unknown>;
}

/**
 * Makes the whole plan: keys, what the store has of it, and what the stack had before. Reads, and changes nothing.
 *
 * @param owner whose roots and records count
 * @param rebuild stages to build again although nothing has changed
 * @param wanted see `StackPlan.wanted`
 * @param others images that are planned already, by their names, of a program that plans one after the other
 * @throws StageFailure where a disk's list of digests is not to be had or to be trusted, where another stack has no release on which an
 *   image can be made, where an image that others are to be made on lets no build in, where libvirt is to boot an image and cannot, or where a key that signs cannot
 */
export async function makePlan(
  site: Site,
  { images }: StackSpec,
  owner: StackIdentity,
  rebuild: readonly string[] = [],
  wanted?: ReadonlySet<string>,
  others?: ReadonlyMap<string | null, PlannedImage>,
): Promise<StackPlan> {
  for (const uri of libvirtUris(images)) {
    await requireLibvirt(uri, forProof.pool, forProof.otherwise);
  }
  const { home } = site;
  const store = openStore(home);
  const release = remembered((from: StackRelease) => findRelease(store, owner, from));
  await requireReleases(images, release);
  const kept = new Roots(home, owner);
  const roots = await kept.list();
  const record = await readStackRecord(home, owner);
  const known = roots.size > 0 || (record !== undefined && record.destroyedAt === undefined);
  const before = { roots, known, absence: await kept.absence() };
  const observer = new Observer(site, store, before, withFollowers(rebuild));
  const { project, stack, clone } = owner;
  const around = {
    ...{ store, observer, roots, rebuild, images },
    estimates: new Estimates(store, roots, record),
    owner: { project, stack, ...(isOwnHome(home) ? {} : { clone }) },
    fingerprint: remembered(async (signKey: string) => (await findSigner(signKey)).fingerprint),
    digest: remembered((disk: SourceDisk) => sourceDigest(home, disk)),
    release,
  };
  const planned = new Map(others);
  for (const spec of images) planned.set(spec.name, await planOne(spec, { ...around, planned }));
  const own = images.map(({ name }) => planned.get(name)!);
  const builder = await planBuilder(own[0]!, around, others !== undefined);
  const plan: StackPlan = {
    builder,
    images: own,
    wanted,
    released: releasesOf(record?.destroyedAt === undefined ? record : undefined),
  };
  requireWaysIn([...imagesToRun(plan), ...(others?.values() ?? [])]);
  return plan;
}

/** The images that a run of this plan makes. */
export const imagesToRun = ({ images, wanted }: StackPlan): readonly PlannedImage[] =>
  images.filter(({ spec: { name } }) => !wanted || (name !== null && wanted.has(name)));

/** @param isAlone whether it is that of one image alone, in a program that nobody uses by hand */
async function planBuilder(
  { spec, plan }: PlannedImage,
  { roots, estimates, observer }: Pick<Surroundings, "roots" | "estimates" | "observer">,
  isAlone: boolean,
): Promise<BuilderPlan> {
  const { baseImage, packer, builderImage } = spec;
  const { description } = plan.builder;
  const root = rootOf(isAlone ? spec.name : null, "builder");
  const expectedSeconds = await estimates.seconds(root, description, plan);
  const reference = toolsReference(spec, plan);
  const digest = isAlone ? undefined : handImageDigest({ baseImage, packer });
  const [marker, handMarker] = builderImage
    ? [undefined, undefined]
    : await Promise.all([
        observer.dockerImage(reference, root),
        digest === undefined ? undefined : observer.handImage(digest),
      ]);
  const history = { description, before: roots.get(root), expectedSeconds };
  const hand = digest === undefined ? undefined : { digest, marker: handMarker };
  return { planned: plan.builder, history, reference, marker, hand };
}

/** The daemons that are to boot images. */
const libvirtUris = (images: readonly ImageSpec[]): ReadonlySet<string> =>
  new Set(images.flatMap(({ smoke, libvirtUri }) => (smoke === "libvirt" ? [libvirtUri] : [])));

/** What the plan has of a stage, by its root. */
export function observedStage({ images }: StackPlan, root: string): ObservedStage | undefined {
  const name = imageOfRoot(root);
  const image = images.find(({ spec }) => spec.name === name);
  return image?.observed.get(root.slice(rootOf(name, "").length));
}

/** The image that runs the stages. */
export const toolsReference = (spec: ImageSpec, { builder }: ImagePlan) =>
  spec.builderImage ?? toolsImageName(builder.key);

/** A rebuilt base makes a new image necessary. */
function withFollowers(rebuild: readonly string[]): ReadonlySet<string> {
  return new Set([...rebuild, ...(rebuild.includes("base") ? ["image"] : [])]);
}
