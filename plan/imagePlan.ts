import { shortKey, type StageDescription, stageKey } from "./description";
import type { ImageSpec } from "./imageSpec";
import type { PublishedDigest } from "./publishedDigest";
import type { Step } from "./steps";
import { base } from "./stages/base";
import { builder } from "./stages/builder";
import {
  type InputsOf,
  type Planned,
  plan,
  type StageContract,
  type UpstreamOf,
} from "./stages/contract";
import { image } from "./stages/image";
import type { release } from "./stages/release";

/** SHA-256 of input files by their name, followed by "+x" where one is executable; the names take part in the keys, the folders they come from do not. */
export type FileDigests = Readonly<Record<string, string>>;

/** The stages that run programs of kragle's own in a container. */
export type ProgrammedStage = "base" | "image" | "check" | "convert" | "smoke";

/** The Docker image of a builder: its tag has the builder's key, so that equal tags mean equal builders. */
export const toolsImageName = (builderKey: string) => `kragle-tools:${shortKey(builderKey)}`;

/** The digests of every file that an image and its proofs depend on. */
export interface ImageFiles {
  /** What is installed in the builder, and how. */
  readonly builder: FileDigests;
  /** kragle's programs that each stage runs in its container, by their names below `builder/stages/`. */
  readonly programs: Readonly<Record<ProgrammedStage, FileDigests>>;
  /** The template's recipe for the installed disk. */
  readonly base: FileDigests;
  /** The template's Packer part. */
  readonly template: FileDigests;
  /** kragle's own provisioning scripts and the template's, named so that their order is the order in which they run. */
  readonly scripts: FileDigests;
  /** The user's steps, in the order in which they run. */
  readonly steps: readonly Step[];
  /** The catalogue of the check stage. */
  readonly rules: string;
  /** The user's own tests, named so that their order is that of the settings. */
  readonly tests: FileDigests;
  /** The user's own rules, named so that their order is that of the settings. */
  readonly ownRules: FileDigests;
  /** Of the disk that the image begins with; null where its template installs one. */
  readonly source: PublishedDigest | null;
}

/** Those, and what its release depends on besides. */
export interface InputFiles
  extends ImageFiles, Pick<InputsOf<typeof release>, "signer" | "owner"> {}

/** The stages whose keys are known before anything runs. */
export interface ImagePlan {
  readonly builder: Planned<typeof builder>;
  /** Absent where the image is made on another one. */
  readonly base?: Planned<typeof base> | undefined;
  readonly image: Planned<typeof image>;
}

/** The same of an image that is made on no other. */
export interface BasedPlan extends ImagePlan {
  readonly base: Planned<typeof base>;
}

/** A planned stage of any kind. */
export type PlannedStage = Pick<Planned<StageContract>, "key"> & {
  readonly description: StageDescription;
};

/**
 * Plans builder, base and image: by key, because their results need not be bit-identical.
 *
 * @param epoch the day on which a base that is refreshed by age was begun; null where `refreshAfter` is not used
 * @param images those that the builder is for
 */
export function planImage(
  spec: ImageSpec,
  files: ImageFiles,
  epoch: string | null,
  images: readonly ImageSpec[] = [spec],
): BasedPlan {
  // not of the builder that has Ansible: that makes the same bases
  const installed = planBase(spec, files, epoch, planBuilder(spec, files, false).key);
  const made = planOn(spec, files, images, { base: installed.key });
  return { ...made, base: installed };
}

/**
 * Plans an image that is made on a base or on another image.
 *
 * @param images those that the builder is for
 */
export function planOn(
  spec: ImageSpec,
  files: ImageFiles,
  images: readonly ImageSpec[],
  upstream: UpstreamOf<typeof image>,
): ImagePlan {
  const { memoryMiB, cpus } = spec;
  const { template, scripts } = files;
  const inputs = { programs: files.programs.image, template, scripts, steps: [...files.steps] };
  return {
    builder: planBuilder(spec, files, images.some(needsAnsible)),
    image: plan(image, { ...inputs, memoryMiB, cpus }, upstream),
  };
}

function planBuilder(
  { architecture, baseImage, packer, builderImage }: ImageSpec,
  files: ImageFiles,
  ansible: boolean,
): Planned<typeof builder> {
  if (builderImage) return plan(builder, { prebuilt: builderImage }, {});
  const tools = { architecture, files: files.builder, baseImage, packer };
  return plan(builder, ansible ? { ...tools, ansible } : tools, {});
}

function planBase(
  spec: ImageSpec,
  files: ImageFiles,
  epoch: string | null,
  builtBy: string,
): Planned<typeof base> {
  const { architecture, diskBytes, kernel, snapshot, from, iso } = spec;
  const installation = {
    architecture,
    programs: files.programs.base,
    recipe: files.base,
    diskBytes,
    ...(epoch === null ? {} : { epoch }),
  };
  return plan(
    base,
    files.source !== null && from
      ? { ...installation, ...sourceInput(files.source), sourceFormat: from.format }
      : iso
        ? { ...installation, isoSha256: iso.sha256 }
        : { ...installation, kernel: kernel!, snapshot, ...otherRelease(spec) },
    { builder: builtBy },
  );
}

/** A key has the digest under the name of its algorithm. */
const sourceInput = ({ algorithm, hex }: PublishedDigest) =>
  algorithm === "sha512" ? { sourceSha512: hex } : { sourceSha256: hex };

/** The template's own release is in its recipe. */
const otherRelease = ({ suite, template }: ImageSpec) =>
  suite === null || suite === template.suite ? {} : { suite };

/** Whether the builder has to bring Ansible along, which is built into none for others; one that is ready is as it is. */
export const needsAnsible = ({ builderImage, provision }: ImageSpec): boolean =>
  builderImage === null && provision.some(({ kind }) => kind === "ansible");

/** The base's description without its day: equal for bases that differ in age only. */
export function baseFamily(description: StageDescription): string {
  const { epoch: _, ...inputs } = description.inputs;
  return stageKey({ ...description, inputs });
}
