import { type Json, type StageDescription, stageKey } from "./description";
import type { Conversion } from "./formats";
import type { ImageSpec } from "./imageSpec";
import { describePublication, type PublicationSpec } from "./publication";

/** SHA-256 of input files by their name, followed by "+x" where one is executable; the names take part in the keys, the folders they come from do not. */
export type FileDigests = Readonly<Record<string, string>>;

/** The digests of every file that the stages of an image depend on. */
export interface InputFiles {
  /** The builder's context without templates and provisioning scripts. */
  readonly builder: FileDigests;
  /** The template's recipe for the installed disk. */
  readonly base: FileDigests;
  /** The template's Packer part. */
  readonly template: FileDigests;
  /** Provisioning scripts, named so that their order is the order in which they run. */
  readonly scripts: FileDigests;
  /** The catalogue of the check stage. */
  readonly rules: string;
  /** Fingerprint of the key that signs releases; null where none does. */
  readonly signer: string | null;
  /** The user's own rules, named so that their order is that of the settings. */
  readonly ownRules: FileDigests;
}

export interface PlannedStage {
  readonly description: StageDescription;
  readonly key: string;
}

/** The stages whose keys are known before anything runs. */
export interface ImagePlan {
  readonly builder: PlannedStage;
  readonly base: PlannedStage;
  readonly image: PlannedStage;
}

/** The stages that belong to one image file: keyed by what is in it, so that evidence can never belong to another file. */
export interface ProofPlan {
  readonly check: PlannedStage;
  readonly conversions: readonly (PlannedStage & { readonly conversion: Conversion })[];
  readonly smoke: PlannedStage | undefined;
  readonly release: PlannedStage;
  readonly publications: readonly (PlannedStage & { readonly publication: PublicationSpec })[];
}

const planned = (description: StageDescription): PlannedStage => ({
  description,
  key: stageKey(description),
});

/**
 * Plans builder, base and image: by key, because their results need not be bit-identical.
 *
 * @param epoch the day on which a base that is refreshed by age was begun; null where `refreshAfter` is not used
 */
export function planImage(spec: ImageSpec, files: InputFiles, epoch: string | null): ImagePlan {
  const builder = planned({
    stage: "builder",
    version: 1,
    inputs: spec.builderImage
      ? { prebuilt: spec.builderImage }
      : { files: files.builder, baseImage: spec.baseImage, packer: spec.packer },
    upstream: {},
  });
  const base = planned({
    stage: "base",
    version: 1,
    inputs: {
      recipe: files.base,
      diskBytes: spec.diskBytes,
      ...(spec.iso
        ? { isoSha256: spec.iso.sha256 }
        : { kernel: spec.kernel, snapshot: spec.snapshot }),
      ...(epoch === null ? {} : { epoch }),
    },
    upstream: { builder: builder.key },
  });
  const image = planned({
    stage: "image",
    version: 1,
    inputs: {
      template: files.template,
      scripts: files.scripts,
      memoryMiB: spec.memoryMiB,
      cpus: spec.cpus,
    },
    upstream: { base: base.key },
  });
  return { builder, base, image };
}

/** The base's description without its day: equal for bases that differ in age only. */
export function baseFamily(description: StageDescription): string {
  const { epoch: _, ...inputs } = description.inputs;
  return stageKey({ ...description, inputs });
}

const waived = ({ check }: ImageSpec) =>
  Object.fromEntries(check.waive.map(({ rule, reason }) => [rule, reason]));

/** Plans what follows the image, by the image's content. */
export function planProof(spec: ImageSpec, files: InputFiles, imageSha256: string): ProofPlan {
  const upstream = { imageSha256 };
  const check = planned({
    stage: "check",
    version: 1,
    inputs: {
      rules: files.rules,
      ...(Object.keys(files.ownRules).length ? { ownRules: files.ownRules } : {}),
      ...(spec.check.waive.length ? { waive: waived(spec) } : {}),
    },
    upstream,
  });
  const conversions = spec.formats.map((conversion) => ({
    conversion,
    ...planned({
      stage: "convert",
      version: 1,
      inputs: { format: conversion.format, options: conversion.options as Json },
      upstream,
    }),
  }));
  const smoke =
    spec.smoke === "none"
      ? undefined
      : planned({
          stage: "smoke",
          version: 2,
          inputs: {
            driver: spec.smoke,
            ...(spec.smoke === "libvirt" ? { libvirtUri: spec.libvirtUri } : {}),
            proof: spec.proof,
            channel: spec.template.smoke.channel,
            firmware: spec.template.smoke.firmware.slice(0, spec.proof === "full" ? undefined : 1),
            memoryMiB: spec.memoryMiB,
            cpus: spec.cpus,
          },
          upstream,
        });
  const release = planned({
    stage: "release",
    version: 3,
    inputs: {
      path: spec.path,
      signer: files.signer,
      files: conversions.map(({ conversion }) => conversion.fileName),
    },
    upstream: {
      ...upstream,
      check: check.key,
      ...Object.fromEntries(conversions.map((c) => [`convert ${c.conversion.name}`, c.key])),
      ...(smoke ? { smoke: smoke.key } : {}),
    },
  });
  const publications = spec.publish.map((publication) => ({
    publication,
    ...planned(describePublication(release.key, publication)),
  }));
  return { check, conversions, smoke, release, publications };
}
