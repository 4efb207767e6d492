import * as pulumi from "@pulumi/pulumi";

import { BuildRun } from "../components/buildRun";
import type { BuilderImage } from "../components/builderImage";
import { Conversion } from "../components/conversion";
import { Publication } from "../components/publication";
import { Qcow2Artifact } from "../components/qcow2Artifact";
import { Release } from "../components/release";
import { SmokeDomain } from "../components/smokeDomain";
import type { StackIdentity } from "../plan/identity";
import type { Reach } from "../plan/invocation";
import { planProof, type ProofPlan } from "../plan/proofPlan";
import { conversionRoot, publicationRoot, rootOf } from "../plan/roots";
import type { PlannedImage } from "../preview/plan";
import {
  baseRequest,
  checkRequest,
  convertRequest,
  imageRequest,
  releaseRequest,
  smokeRequest,
} from "../preview/requests";
import { onlySecret } from "../settings/credentials";
import { stepSecrets } from "../settings/secrets";
import type { ToldSettings } from "../settings/toldSettings";
import { libvirtGuest } from "./libvirtGuest";
import { type DeclaredOutputs, outputsOf } from "./outputs";

/** An image of which everything is declared. */
export interface DeclaredImage {
  /** The command that makes it. */
  readonly image: pulumi.Resource;
  /** The one that releases it. */
  readonly release: pulumi.Resource;
  readonly outputs: DeclaredOutputs;
}

/** What an image's resources need besides its plan. */
export interface ImageSurroundings {
  readonly reach: Reach;
  /** The image that runs the stages. */
  readonly builder: BuilderImage;
  /** The commands of images that are declared already, by the keys of what they make. */
  readonly made: Map<string, pulumi.Resource>;
  /** The image that this one is made on. */
  readonly on: DeclaredImage | undefined;
  /** What the image's components lie in. */
  readonly parent: pulumi.Resource;
  /** Whose image it is. */
  readonly owner: StackIdentity;
  /** The `.kragle` folder. */
  readonly home: string;
  /** What its release tells of its settings. */
  readonly told: ToldSettings;
  /** What it was called before. */
  readonly formerly?: readonly string[];
}

/** Declares the components of one image: base and image, the proofs beside each other, release, publications. */
export function declareImage(
  { spec, plan, proof, files, observed }: PlannedImage,
  { reach, builder, made, on, parent, owner, home, told, formerly = [] }: ImageSurroundings,
): DeclaredImage {
  const marker = (root: string) => observed.get(root)?.observation.marker;
  const { stack } = owner;
  const urls = (spec.from ?? spec.iso)?.urls ?? [];
  const { name: called } = spec;
  const named = (name: string) => rootOf(called, name);
  const options = (...dependsOn: pulumi.Resource[]) => ({
    ...{ dependsOn, parent },
    // earlier versions had no parent in a stack of one image
    ...(called === null ? { aliases: [{ parent: pulumi.rootStackResource }] } : {}),
  });

  const build = new BuildRun(
    named("build"),
    {
      ...{ stack, reach, called, formerly },
      same: { base: plan.base && made.get(plan.base.key), image: made.get(plan.image.key) },
      toolsImage: builder.image,
      on: on?.image,
      base: plan.base && {
        planned: plan.base,
        request: baseRequest(spec),
        marker: marker("base"),
        // an address may carry a token
        secrets: urls.length > 0 ? { sourceUrls: JSON.stringify(urls) } : {},
      },
      image: {
        planned: plan.image,
        request: imageRequest(spec, stack),
        marker: marker("image"),
        secrets: { ...spec.credentials, ...stepSecrets(spec) },
      },
      knownImageSha256: proof?.check.description.upstream.imageSha256,
    },
    options(...builder.ready),
  );
  if (plan.base && build.base) made.set(plan.base.key, build.base);
  made.set(plan.image.key, build.image);

  // the stages below the image are keyed by its SHA-256, which may only be known when it has been built
  const proofs = build.imageSha256.apply((sha256) => planProof(spec, files, sha256));
  // as unknown: Pulumi's types would look for outputs inside the plan, which has none
  const planned = <T>(pick: (of: ProofPlan) => T) =>
    proofs.apply<unknown>(pick as (of: unknown) => unknown) as pulumi.Output<T>;
  const { key: imageKey } = plan.image;
  const common = { stack, reach, called, formerly, toolsImage: builder.image, imageKey };
  const afterImage = options(build.image);

  // without the names of user and organisation, which may be words that stand in any image
  const searched = { ...onlySecret(spec.credentials), ...stepSecrets(spec) };

  const artifact = new Qcow2Artifact(
    named("qcow2"),
    {
      ...common,
      planned: planned(({ check }) => check),
      request: checkRequest(spec),
      secrets: searched,
      marker: marker("check"),
    },
    afterImage,
  );

  const conversions = spec.formats.map((conversion, index) => {
    const root = conversionRoot(conversion.name);
    return new Conversion(
      named(root),
      {
        ...common,
        planned: planned((of) => of.conversions[index]!),
        request: convertRequest(spec, conversion),
        marker: marker(root),
      },
      afterImage,
    );
  });

  const smoke =
    spec.smoke === "none"
      ? undefined
      : new SmokeDomain(
          named("smoke"),
          {
            ...common,
            imageSha256: build.imageSha256,
            ...(spec.smoke === "libvirt"
              ? { libvirt: libvirtGuest(home, spec, owner, plan.image.key) }
              : {}),
            planned: planned((of) => of.smoke!),
            request: smokeRequest(spec),
            // only what is not kragle's own can print one
            ...(spec.tests.length > 0 ? { secrets: searched } : {}),
            marker: marker("smoke"),
          },
          afterImage,
        );

  const release = new Release(
    named("release"),
    {
      ...common,
      planned: planned((of) => of.release),
      request: releaseRequest(spec, stack, told, plan.builder.description),
      proofs: [
        artifact.check,
        ...conversions.map((c) => c.convert),
        ...(smoke ? [smoke.smoke] : []),
        // what was not proven is no ground for another image
        ...(on ? [on.release] : []),
      ],
      marker: marker("release"),
    },
    options(),
  );

  const publications = spec.publish.map(({ name, destination, files: wanted, keep }) => {
    const root = publicationRoot(name);
    const { version, files: copies } = new Publication(
      named(root),
      {
        ...{ stack, reach },
        ...(called === null ? {} : { series: `${called}-${root}` }),
        releaseKey: planned((of) => of.release.key),
        ...{ destination, files: wanted, keep },
        release: release.files,
        marker: marker(root),
      },
      options(),
    );
    return { name, version, files: copies };
  });

  const outputs = outputsOf(release, publications, smoke?.libvirt);
  // a preview tells the key of a release that is still to be made
  const isToCome = pulumi.runtime.isDryRun() && !observed.get("release")?.observation.manifest;
  const key = proof && isToCome ? pulumi.output(proof.release.key) : outputs.key;
  return { image: build.image, release: release.files, outputs: { ...outputs, key } };
}
