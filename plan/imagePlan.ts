import { shortKey, type StageDescription, stageKey } from "./description";
import { releasedName } from "./fileNames";
import type { Conversion } from "./formats";
import type { ImageSpec } from "./imageSpec";
import type { PublicationSpec } from "./publication";
import type { Step } from "./steps";
import { base } from "./stages/base";
import { builder } from "./stages/builder";
import { check } from "./stages/check";
import {
  type InputsOf,
  type Planned,
  plan,
  type StageContract,
  type UpstreamOf,
} from "./stages/contract";
import { convert } from "./stages/convert";
import { image } from "./stages/image";
import { publish } from "./stages/publish";
import { conversionUpstream, release } from "./stages/release";
import { smoke } from "./stages/smoke";

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
  /** SHA-256 of the disk that the image begins with; null where its template installs one. */
  readonly source: string | null;
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

/** The stages that belong to one image file: keyed by what is in it, so that evidence can never belong to another file. */
export interface ProofPlan {
  readonly check: Planned<typeof check>;
  readonly conversions: readonly (Planned<typeof convert> & { readonly conversion: Conversion })[];
  readonly smoke: Planned<typeof smoke> | undefined;
  readonly release: Planned<typeof release>;
  readonly publications: readonly (Planned<typeof publish> & {
    readonly publication: PublicationSpec;
  })[];
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
      ? { ...installation, sourceSha256: files.source, sourceFormat: from.format }
      : iso
        ? { ...installation, isoSha256: iso.sha256 }
        : { ...installation, kernel, snapshot, ...otherRelease(spec) },
    { builder: builtBy },
  );
}

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

/** Plans what follows the image, by the image's content. */
export function planProof(spec: ImageSpec, files: InputFiles, imageSha256: string): ProofPlan {
  const ofImage = { imageSha256 };
  const { waive } = spec.check;
  const checked = plan(
    check,
    {
      programs: files.programs.check,
      rules: files.rules,
      ...(Object.keys(files.ownRules).length ? { ownRules: files.ownRules } : {}),
      ...(waive.length
        ? { waive: Object.fromEntries(waive.map(({ rule, reason }) => [rule, reason])) }
        : {}),
    },
    ofImage,
  );
  const conversions = spec.formats.map((conversion) => {
    const { format, options } = conversion;
    const inputs = { programs: files.programs.convert, format, options: { ...options } };
    return { conversion, ...plan(convert, inputs, ofImage) };
  });
  const booted = planSmoke(spec, files, ofImage);
  const released = plan(
    release,
    {
      path: spec.path,
      owner: files.owner,
      signer: files.signer,
      imageName: spec.imageName,
      files: Object.fromEntries(
        conversions.map(({ conversion }) => [
          conversion.name,
          releasedName(conversion, spec.imageName),
        ]),
      ),
    },
    {
      ...ofImage,
      check: checked.key,
      ...Object.fromEntries(conversions.map((c) => [conversionUpstream(c.conversion.name), c.key])),
      ...(booted ? { smoke: booted.key } : {}),
    },
  );
  const publications = spec.publish.map((publication) => ({
    publication,
    ...planPublication(released.key, publication),
  }));
  return { check: checked, conversions, smoke: booted, release: released, publications };
}

function planSmoke(spec: ImageSpec, files: InputFiles, ofImage: { imageSha256: string }) {
  if (spec.smoke === "none") return undefined;
  const { smoke: driver, libvirtUri, proof, memoryMiB, cpus } = spec;
  const { channel, firmware } = spec.template.smoke;
  const [first, ...others] = firmware;
  return plan(
    smoke,
    {
      architecture: spec.architecture,
      programs: files.programs.smoke,
      driver,
      ...(driver === "libvirt" ? { libvirtUri } : {}),
      proof,
      channel,
      firmware: [first, ...(proof === "full" ? others : [])],
      memoryMiB,
      cpus,
      ...testInputs(spec, files.tests),
    },
    ofImage,
  );
}

/** Of the user's tests: their content, order and arguments; how long they may take is in no key. */
function testInputs({ tests: own }: ImageSpec, tests: FileDigests) {
  if (own.length === 0) return {};
  const args = Object.keys(tests).map((name, index) => [name, [...own[index]!.args]] as const);
  const given = args.filter(([, list]) => list.length > 0);
  return { tests, ...(given.length > 0 ? { testArguments: Object.fromEntries(given) } : {}) };
}

/** Plans a publication. How many versions stay is not in the key: it makes no other publication. */
export const planPublication = (
  releaseKey: string,
  { destination, files }: Pick<PublicationSpec, "destination" | "files">,
): Planned<typeof publish> =>
  plan(publish, { destination, files: [...files] }, { release: releaseKey });
