import * as pulumi from "@pulumi/pulumi";

import { BuilderImage } from "../components/builderImage";
import { BuildRun } from "../components/buildRun";
import { Conversion } from "../components/conversion";
import { Publication } from "../components/publication";
import { Qcow2Artifact } from "../components/qcow2Artifact";
import { Release } from "../components/release";
import { SmokeDomain } from "../components/smokeDomain";
import { planProof } from "../plan/imagePlan";
import { StageFailure } from "../host/failure";
import { inProject } from "../host/project";
import { provisioningScripts } from "./inputFiles";
import { libvirtGuest } from "./libvirtGuest";
import { onlySecret } from "./settings/credentials";
import { maskedSettings } from "./maskedSettings";
import { requireIso } from "./medium";
import { makePlan } from "./plan";
import { planLines, planRows } from "./planReport";
import { OLDEST_PULUMI } from "./pulumiVersion";
import { parseSettings, SettingsError } from "./settings";

/** The stack's settings as Pulumi has them, without the project's prefix. */
function configuredSettings(): Record<string, string> {
  const prefix = `${pulumi.getProject()}:`;
  return Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig())
      .filter(([name]) => name.startsWith(prefix))
      // each engine hands them over in an order of its own
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

/**
 * The Pulumi program: settings → plan → components → outputs. Both engines run it.
 *
 * @throws pulumi.RunError where settings are wrong, or the Pulumi CLI is too old
 */
export async function program(): Promise<Record<string, pulumi.Input<unknown>>> {
  await pulumi.requirePulumiVersion(`>=${OLDEST_PULUMI.join(".")}.0`).catch((error: Error) => {
    throw new pulumi.RunError(error.message);
  });
  const stack = pulumi.getStack();
  const spec = readSpec(stack);
  const fullPlan = await makePlan(spec, stack)
    .then((made) => requireIso(spec, made))
    .catch((error: Error) => {
      throw asRunError(error);
    });
  const { plan, proof, files, observed, tools } = fullPlan;
  if (pulumi.runtime.isDryRun() && !process.env.KRAGLE_PLAN_SHOWN) {
    await pulumi.log.info(["the plan:", ...planLines(planRows(fullPlan))].join("\n"));
  }
  const { template, timeouts } = spec;
  const marker = (root: string) => observed.get(root)?.observation.marker;

  const builder = new BuilderImage("builder", {
    stack,
    ...(spec.builderImage ? { prebuilt: spec.builderImage } : {}),
    description: plan.builder.description,
    toolsImage: tools.reference,
    baseImage: spec.baseImage,
    packer: spec.packer,
    toolsMarker: tools.marker,
    handMarker: tools.handMarker,
  });

  const build = new BuildRun(
    "build",
    {
      stack,
      toolsImage: builder.image,
      base: {
        description: plan.base.description,
        marker: marker("base"),
        settings: {
          templateFolder: template.folder,
          diskBytes: spec.diskBytes,
          kernel: spec.kernel,
          snapshot: spec.snapshot,
          iso: spec.iso && { path: spec.iso.path, sha256: spec.iso.sha256 },
          memoryMiB: spec.memoryMiB,
          cpus: spec.cpus,
          accelerator: spec.accelerator,
          privileged: spec.privileged,
          vnc: spec.vnc,
          timeoutSeconds: timeouts.base,
          silenceSeconds: timeouts.progress,
        },
        // an address may carry a token
        secrets: spec.iso?.urls.length ? { isoUrls: JSON.stringify(spec.iso.urls) } : {},
      },
      image: {
        description: plan.image.description,
        marker: marker("image"),
        settings: {
          templateFolder: template.folder,
          baseKey: plan.base.key,
          scripts: provisioningScripts(spec),
          diskBytes: spec.diskBytes,
          memoryMiB: spec.memoryMiB,
          cpus: spec.cpus,
          accelerator: spec.accelerator,
          privileged: spec.privileged,
          vnc: spec.vnc,
          timeouts: {
            whole: timeouts.image,
            progress: timeouts.progress,
            ssh: timeouts.ssh,
            script: timeouts.script,
            shutdown: timeouts.shutdown,
          },
        },
        secrets: spec.credentials,
      },
      knownImageSha256: proof && observed.get("image")!.imageSha256,
    },
    { dependsOn: builder.ready },
  );

  // below the image everything is keyed by its content, which may only be known when it has been built
  const proofs = build.imageSha256.apply((sha256) => planProof(spec, files, sha256));
  const common = {
    stack,
    toolsImage: builder.image,
    imageKey: plan.image.key,
    imageSha256: build.imageSha256,
  };
  const afterImage = { dependsOn: [build.image] };

  const artifact = new Qcow2Artifact(
    "qcow2",
    {
      ...common,
      description: proofs.apply(({ check }) => check.description),
      settings: { ...spec.check, timeoutSeconds: timeouts.check },
      // names of users and organisations may be words that stand in any image
      secrets: onlySecret(spec.credentials),
      marker: marker("check"),
    },
    afterImage,
  );

  const conversions = spec.formats.map(
    (conversion, index) =>
      new Conversion(
        `convert-${conversion.name}`,
        {
          ...common,
          format: conversion.name,
          description: proofs.apply((p) => p.conversions[index]!.description),
          settings: {
            format: conversion.format,
            options: conversion.options,
            fileName: conversion.fileName,
            timeoutSeconds: timeouts.convert,
          },
          marker: marker(`convert-${conversion.name}`),
        },
        afterImage,
      ),
  );

  const smoke =
    spec.smoke === "none"
      ? undefined
      : new SmokeDomain(
          "smoke",
          {
            ...common,
            ...(spec.smoke === "libvirt"
              ? { libvirt: libvirtGuest(spec, stack, plan.image.key) }
              : {}),
            description: proofs.apply((p) => p.smoke!.description),
            settings: {
              proof: spec.proof,
              ...template.smoke,
              diskBytes: spec.diskBytes,
              memoryMiB: spec.memoryMiB,
              cpus: spec.cpus,
              accelerator: spec.accelerator,
              timeoutSeconds: timeouts.smoke,
              silenceSeconds: timeouts.progress,
            },
            marker: marker("smoke"),
          },
          afterImage,
        );

  const release = new Release("release", {
    ...common,
    description: proofs.apply((p) => p.release.description),
    settings: {
      stack,
      path: spec.path,
      virtualBytes: spec.diskBytes,
      signKey: spec.signKey,
      signer: files.signer,
      parameters: maskedSettings(configuredSettings()),
      baseImage: spec.baseImage,
      builder: plan.builder.description,
    },
    conversions: proofs.apply((p) =>
      p.conversions.map(({ conversion, key }) => ({
        name: conversion.name,
        format: conversion.format,
        key,
        fileName: conversion.fileName,
      })),
    ),
    checkKey: proofs.apply(({ check }) => check.key),
    smokeKey: proofs.apply((p) => p.smoke?.key ?? null),
    proofs: [artifact.check, ...conversions.map((c) => c.convert), ...(smoke ? [smoke.smoke] : [])],
    marker: marker("release"),
  });

  const publications = spec.publish.map(
    ({ name, destination, files: wanted, keep }) =>
      [
        name,
        new Publication(`publish-${name}`, {
          stack,
          releaseKey: proofs.apply((p) => p.release.key),
          ...{ destination, files: wanted, keep },
          release: release.files,
          marker: marker(`publish-${name}`),
        }),
      ] as const,
  );
  const published = publications.map(
    ([name, { version, files: copies }]) => [name, { version, files: copies }] as const,
  );

  return {
    ...outputsOf(release.facts),
    ...(published.length > 0 ? { publications: Object.fromEntries(published) } : {}),
  };
}

const OUTPUTS = [
  "imagePath",
  "imageSha256",
  "imageBytes",
  "imageVirtualBytes",
  "conversions",
  "smoke",
  "accelerator",
  "builderImageId",
  "manifestPath",
  "reportPath",
  "key",
] as const;

/** The stack's outputs: what was released, with absolute paths. */
function outputsOf(facts: Release["facts"]): Record<string, pulumi.Output<unknown>> {
  const absolute = (value: unknown): unknown =>
    Object.fromEntries(
      Object.entries(value as Record<string, Record<string, unknown>>).map(([name, facts]) => [
        name,
        { ...facts, path: inProject(String(facts.path)) },
      ]),
    );
  return Object.fromEntries(
    OUTPUTS.map((name) => [
      name,
      facts.apply((all) => {
        const value = all[name];
        if (name === "conversions") return absolute(value);
        return name.endsWith("Path") ? inProject(String(value)) : value;
      }),
    ]),
  );
}

function readSpec(stack: string) {
  try {
    return parseSettings(configuredSettings(), stack);
  } catch (error) {
    throw asRunError(error as Error);
  }
}

/** What the user can mend becomes a clean line, without a stack trace. */
function asRunError(error: Error): Error {
  if (error instanceof SettingsError) return new pulumi.RunError(error.message);
  if (!(error instanceof StageFailure)) return error;
  const { hint } = error.details;
  return new pulumi.RunError(hint ? `${error.message}\n  next: ${hint}` : error.message);
}
