import { isOwnHome } from "../host/home";
import type { StageDescription } from "../plan/description";
import {
  baseFamily,
  type ImagePlan,
  type InputFiles,
  planImage,
  type PlannedStage,
  planProof,
  type ProofPlan,
  toolsImageName,
} from "../plan/imagePlan";
import type { StackIdentity } from "../plan/identity";
import type { ImageSpec, SourceDisk } from "../plan/imageSpec";
import { conversionRoot, publicationRoot } from "../plan/roots";
import { fileNameOf } from "../plan/sourceFormats";
import { IMAGE } from "../plan/stages/image";
import { requireLibvirt } from "../executors/libvirtHost";
import type { Site } from "../executors/site";
import { openStore } from "../store/open";
import { findSigner } from "../release/signing";
import type { ArtifactStore } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import { findPoints, type KeptPoints } from "../store/pointChain";
import { type Root, Roots } from "../store/roots";
import { readStackRecord } from "../store/stackRecord";
import { handImageDigest } from "./dockerContext";
import { Estimates } from "./estimates";
import { readInputFiles } from "./inputFiles";
import { digestBySignedList, type SourceDigest } from "./signedList";
import { datedSteps } from "./stepAge";
import { pointBytes } from "./requests";
import { type Observation, Observer } from "./observe";

/** One stage of the plan: what it is, what is there of it, and what was there before. */
export interface ObservedStage {
  readonly root: string;
  readonly planned: PlannedStage;
  readonly observation: Observation;
  /** Content of the image, where it is in the store. */
  readonly imageSha256?: string;
}

/** One stage as it is to be, and as the stack had it. */
export interface StageHistory {
  /** Without the image's digest where that is not known yet. */
  readonly description: StageDescription;
  /** What the stack used last under this root, whatever its key. */
  readonly before: Root | undefined;
  /** From an earlier run; undefined where there was none. */
  readonly expectedSeconds: number | undefined;
}

export interface FullPlan {
  readonly spec: ImageSpec;
  readonly plan: ImagePlan;
  /** Undefined while the image's content is not known. */
  readonly proof: ProofPlan | undefined;
  readonly files: InputFiles;
  /** What is known of the disk that the image begins with; undefined where its template installs one. */
  readonly source: SourceDigest | undefined;
  /** By root; stages that follow an image of unknown content are absent. */
  readonly observed: ReadonlyMap<string, ObservedStage>;
  /** What the store has of the points from which the image's build can go on; undefined where it does not run. */
  readonly points: KeptPoints | undefined;
  /** By root, in the order of running; "builder" is the first. */
  readonly history: ReadonlyMap<string, StageHistory>;
  readonly tools: {
    readonly reference: string;
    readonly marker: string | undefined;
    readonly handMarker: string | undefined;
    /** Of what the image for use by hand is made of. */
    readonly handDigest: string;
  };
}

/**
 * Makes the whole plan: keys, what the store has of it, and what the stack had before. Reads, and changes nothing.
 *
 * @param owner whose roots and records count
 * @param rebuild stages to build again although nothing has changed
 * @throws StageFailure where a disk's list of digests is not to be had or to be trusted, where libvirt is to boot the image and cannot, or where the key that signs cannot
 */
export async function makePlan(
  site: Site,
  spec: ImageSpec,
  owner: StackIdentity,
  rebuild: readonly string[] = [],
): Promise<FullPlan> {
  if (spec.smoke === "libvirt") await requireLibvirt(spec.libvirtUri);
  const { home } = site;
  const store: ArtifactStore = openStore(home);
  const kept = new Roots(home, owner);
  const roots = await kept.list();
  const record = await readStackRecord(home, owner);
  const known = roots.size > 0 || (record !== undefined && record.destroyedAt === undefined);
  const before = { roots, known, absence: await kept.absence() };
  const observer = new Observer(site, store, before, withFollowers(rebuild));
  const signer = spec.signKey === null ? null : (await findSigner(spec.signKey)).fingerprint;
  const { project, stack, clone } = owner;
  const released = { project, stack, ...(isOwnHome(home) ? {} : { clone }) };
  const source = spec.from === null ? undefined : await sourceDigest(home, spec.from);
  const read = readInputFiles(spec, source?.sha256);
  const steps = await datedSteps(store, spec.provision, read.steps);
  const files = { ...read, steps, signer, owner: released };
  const plan = planImage(spec, files, await baseEpoch(store, spec, files));

  const observed = new Map<string, ObservedStage>();
  const observe = async (root: string, planned: PlannedStage) => {
    const observation = await observer.stage(planned, root);
    const { manifest } = observation;
    const entry: ObservedStage = {
      ...{ root, planned, observation },
      ...(root === "image" ? { imageSha256: imageDigest(manifest) } : {}),
    };
    observed.set(root, entry);
    return entry;
  };
  await observe("base", plan.base);
  const built = await observe("image", plan.image);
  const { imageSha256 } = built;
  const { manifest: installed } = observed.get("base")!.observation;
  const runs = ["missing", "damaged"].includes(built.observation.state);
  const points =
    runs && !rebuild.includes("image") && installed && pointBytes(spec) > 0
      ? await findPoints(store, plan.image.description, installed)
      : undefined;
  const proof = imageSha256 === undefined ? undefined : planProof(spec, files, imageSha256);
  if (proof) for (const [root, planned] of proofStages(proof)) await observe(root, planned);

  const estimates = new Estimates(store, roots, record, plan.image.description);
  const history = new Map<string, StageHistory>();
  const all: [string, PlannedStage][] = [
    ["builder", plan.builder],
    ["base", plan.base],
    ["image", plan.image],
    // without the image's digest everything else of these stages is known
    ...proofStages(proof ?? planProof(spec, files, "")),
  ];
  for (const [root, { description }] of all) {
    const expectedSeconds = await estimates.seconds(root, description);
    history.set(root, { description, before: roots.get(root), expectedSeconds });
  }

  const reference = toolsReference(spec, plan);
  const handDigest = handImageDigest({ baseImage: spec.baseImage, packer: spec.packer });
  const [marker, handMarker] = spec.builderImage
    ? [undefined, undefined]
    : await Promise.all([observer.dockerImage(reference), observer.handImage(handDigest)]);
  const tools = { reference, marker, handMarker, handDigest };
  return { spec, plan, proof, files, source, observed, points, history, tools };
}

/** The digest of the disk that an image begins with: as the settings give it, or by its publisher's signed list. */
export async function sourceDigest(
  home: string,
  { path, urls, sha256 }: SourceDisk,
): Promise<SourceDigest> {
  if (typeof sha256 === "string") return { sha256, notes: [] };
  return digestBySignedList(home, sha256, fileNameOf(path ?? urls[0]!));
}

/** The stages that follow the image, by root. */
function proofStages(proof: ProofPlan): [string, PlannedStage][] {
  const { check, conversions, smoke, release, publications } = proof;
  return [
    ["check", check],
    ...conversions.map((c): [string, PlannedStage] => [conversionRoot(c.conversion.name), c]),
    ...(smoke ? [["smoke", smoke] as [string, PlannedStage]] : []),
    ["release", release],
    ...publications.map((p): [string, PlannedStage] => [publicationRoot(p.publication.name), p]),
  ];
}

/** The image that runs the stages. */
export const toolsReference = (spec: ImageSpec, { builder }: ImagePlan) =>
  spec.builderImage ?? toolsImageName(builder.key);

const imageDigest = (manifest: Manifest | undefined) =>
  manifest?.files.find(({ path }) => path === IMAGE)?.sha256;

/** A rebuilt base makes a new image necessary. */
function withFollowers(rebuild: readonly string[]): ReadonlySet<string> {
  return new Set([...rebuild, ...(rebuild.includes("base") ? ["image"] : [])]);
}

/** The day that stands in the base's key under `refreshAfter`: that of a base that is young enough, else today. */
async function baseEpoch(
  store: ArtifactStore,
  spec: ImageSpec,
  files: InputFiles,
): Promise<string | null> {
  if (spec.refreshAfter === null) return null;
  const family = baseFamily(planImage(spec, files, null).base.description);
  const oldest = Date.now() - spec.refreshAfter * 1000;
  const young = (await store.manifests("base"))
    .filter(({ description }) => baseFamily(description) === family)
    .filter(({ publishedAt }) => Date.parse(publishedAt) > oldest)
    .sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1));
  const epoch = young[0]?.description.inputs.epoch;
  return typeof epoch === "string" ? epoch : new Date().toISOString().slice(0, 10);
}
