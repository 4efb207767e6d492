import type { StageDescription } from "../plan/description";
import {
  baseFamily,
  type ImagePlan,
  type InputFiles,
  planImage,
  planOn,
  type PlannedStage,
} from "../plan/imagePlan";
import type { ImageSpec, SourceDisk, StackRelease } from "../plan/imageSpec";
import { planProof, type ProofPlan } from "../plan/proofPlan";
import { conversionRoot, publicationRoot, rootOf } from "../plan/roots";
import { fileNameOf } from "../plan/sourceFormats";
import { IMAGE } from "../plan/stages/image";
import type { ArtifactStore } from "../store/artifactStore";
import { findPoints, type KeptPoints } from "../store/pointChain";
import type { Root } from "../store/roots";
import type { Estimates } from "./estimates";
import { readInputFiles } from "./inputFiles";
import { digestBySignedList, type SourceDigest } from "./signedList";
import type { ReleaseBelow } from "./stackRelease";
import { datedSteps } from "./stepAge";
import { pointBytes } from "./requests";
import type { Observation, Observer } from "./observe";

/** One stage of the plan: what it is, and what is there of it. */
export interface ObservedStage {
  readonly planned: PlannedStage;
  readonly observation: Observation;
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

/** One image of a stack's plan. */
export interface PlannedImage {
  readonly spec: ImageSpec;
  readonly plan: ImagePlan;
  /** Undefined while the image's content is not known. */
  readonly proof: ProofPlan | undefined;
  readonly files: InputFiles;
  /** What is known of the disk that the image begins with; undefined where its template installs one. */
  readonly source: SourceDigest | undefined;
  /** What another stack has released, and this image is made on; undefined where it is not. */
  readonly release: ReleaseBelow | undefined;
  /** By root without the image's name; stages that follow an image of unknown content are absent. */
  readonly observed: ReadonlyMap<string, ObservedStage>;
  /** What the store has of the points from which the image's build can go on; undefined where it does not run. */
  readonly points: KeptPoints | undefined;
  /** By root without the image's name, in the order of running. */
  readonly history: ReadonlyMap<string, StageHistory>;
}

/** What all images of a stack have in common while they are planned: it is read once. */
export interface Surroundings {
  readonly store: ArtifactStore;
  readonly observer: Observer;
  readonly estimates: Estimates;
  /** What the stack used before this run, by root. */
  readonly roots: ReadonlyMap<string, Root>;
  /** Stages that the user wants built again. */
  readonly rebuild: readonly string[];
  /** Whose releases are made, as their keys have it. */
  readonly owner: InputFiles["owner"];
  /** Of the key that signs. */
  readonly fingerprint: (signKey: string) => Promise<string>;
  /** Of a disk that images begin with. */
  readonly digest: (disk: SourceDisk) => Promise<SourceDigest>;
  /** What another stack has released, on which images are made. */
  readonly release: (from: StackRelease) => Promise<ReleaseBelow>;
  /** Those that the builder is for. */
  readonly images: readonly ImageSpec[];
  /** Those of them that are planned already, by their names. */
  readonly planned: ReadonlyMap<string | null, PlannedImage>;
}

/** Plans one image: keys, what the store has of it, and what the stack had before. */
export async function planOne(spec: ImageSpec, around: Surroundings): Promise<PlannedImage> {
  const { store, observer, estimates, roots, rebuild, owner, images } = around;
  const signer = spec.signKey === null ? null : await around.fingerprint(spec.signKey);
  const source = spec.from === null ? undefined : await around.digest(spec.from);
  const read = readInputFiles(spec, source?.digest);
  const steps = await datedSteps(store, spec.provision, read.steps);
  const files = { ...read, steps, signer, owner };
  const on = around.planned.get(spec.on);
  const release = spec.onRelease ? await around.release(spec.onRelease) : undefined;
  const plan: ImagePlan = on
    ? planOn(spec, files, images, { image: on.plan.image.key })
    : release
      ? planOn(spec, files, images, { image: release.image.key, releasedSha256: release.sha256 })
      : planImage(spec, files, await baseEpoch(store, spec, files), images);

  const observed = new Map<string, ObservedStage>();
  const observe = async (stages: readonly Rooted[]) => {
    for (const [root, planned] of stages) {
      const observation = await observer.stage(planned, rootOf(spec.name, root));
      observed.set(root, { planned, observation });
    }
  };
  await observe(buildStages(plan));
  const { observation: built } = observed.get("image")!;
  const imageSha256 = built.manifest?.files.find(({ path }) => path === IMAGE)?.sha256;
  const below = on ? on.observed.get("image") : observed.get("base");
  const installed = release?.image ?? below!.observation.manifest;
  const runs = ["missing", "damaged"].includes(built.state);
  const points =
    runs && !rebuild.includes("image") && installed && pointBytes(spec) > 0
      ? await findPoints(store, plan.image.description, installed)
      : undefined;
  const proof = imageSha256 === undefined ? undefined : planProof(spec, files, imageSha256);
  if (proof) await observe(proofStages(proof));

  // without the image's digest everything else of what follows it is known
  const after = proofStages(proof ?? planProof(spec, files, ""));
  const history = new Map<string, StageHistory>();
  for (const [root, { description }] of [...buildStages(plan), ...after]) {
    const named = rootOf(spec.name, root);
    const passed = root === "image" ? (points?.chain.at(-1)?.step ?? 0) : 0;
    const expectedSeconds = await estimates.seconds(named, description, plan, passed);
    history.set(root, { description, before: roots.get(named), expectedSeconds });
  }
  return { spec, plan, proof, files, source, release, observed, points, history };
}

/** The digest of the disk that an image begins with: as the settings give it, or by its publisher's signed list. */
export async function sourceDigest(
  home: string,
  { path, urls, digest }: SourceDisk,
): Promise<SourceDigest> {
  if ("hex" in digest) return { digest, notes: [] };
  return digestBySignedList(home, digest, fileNameOf(path ?? urls[0]!));
}

/** A stage by its root without the image's name. */
type Rooted = readonly [root: string, planned: PlannedStage];

/** The stages up to the image. */
const buildStages = ({ base, image }: ImagePlan): Rooted[] => [
  ...(base ? [["base", base] as const] : []),
  ["image", image],
];

/** Those that follow it. */
function proofStages({ check, conversions, smoke, release, publications }: ProofPlan): Rooted[] {
  return [
    ["check", check],
    ...conversions.map((c) => [conversionRoot(c.conversion.name), c] as const),
    ...(smoke ? [["smoke", smoke] as const] : []),
    ["release", release],
    ...publications.map((p) => [publicationRoot(p.publication.name), p] as const),
  ];
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
