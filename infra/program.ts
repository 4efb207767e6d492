import * as pulumi from "@pulumi/pulumi";

import { BuilderImage } from "../components/builderImage";
import { BuildRun } from "../components/buildRun";
import { Conversion } from "../components/conversion";
import { Publication } from "../components/publication";
import { Qcow2Artifact } from "../components/qcow2Artifact";
import { Release } from "../components/release";
import { SmokeDomain } from "../components/smokeDomain";
import type { Site } from "../executors/site";
import { planProof, type ProofPlan } from "../plan/imagePlan";
import type { ImageSpec } from "../plan/imageSpec";
import { StageFailure } from "../host/failure";
import { libvirtGuest } from "./libvirtGuest";
import { onlySecret } from "./settings/credentials";
import { encryptedNames, maskedSettings } from "./maskedSettings";
import { requireIso } from "./medium";
import { outputsOf } from "./outputs";
import { type FullPlan, makePlan } from "./plan";
import { planLines, planRows } from "./planReport";
import { baseRequest, checkRequest, convertRequest, imageRequest, smokeRequest } from "./requests";
import { OLDEST_PULUMI } from "./pulumiVersion";
import { parseSettings, SettingsError } from "./settings";
import { type OwnSettings, ownSettings } from "./settings/own";
import { settingWarnings } from "./settings/warnings";

/** The stack's settings as Pulumi has them, and what stands beside them by mistake. */
function configuredSettings(): OwnSettings<string> {
  const config = Object.entries(pulumi.runtime.allConfig())
    // sorted, since each engine hands them over in another order
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return ownSettings(Object.fromEntries(config), pulumi.getProject());
}

/** How a run differs from what the settings say. */
export interface ProgramOptions {
  readonly site: Site;
  /** Stages to build again although nothing has changed. */
  readonly rebuild?: readonly string[];
  /** Whether the caller shows the plan; otherwise the program itself does in a preview. */
  readonly planIsShown?: boolean;
  /** The plan, where it was made already. */
  readonly plan?: FullPlan;
}

/**
 * The Pulumi program: settings → plan → components → outputs. Both engines run it.
 *
 * @throws pulumi.RunError where settings are wrong, or the Pulumi CLI is too old
 */
export async function program(
  options: ProgramOptions,
): Promise<Record<string, pulumi.Input<unknown>>> {
  await pulumi.requirePulumiVersion(`>=${OLDEST_PULUMI.join(".")}.0`).catch((error: Error) => {
    throw new pulumi.RunError(error.message);
  });
  const stack = pulumi.getStack();
  const fullPlan = options.plan ?? (await planOf(options.site, stack, options.rebuild));
  const { spec, plan, proof, files, observed, tools } = fullPlan;
  if (!options.planIsShown) for (const text of warnings(spec, stack)) await pulumi.log.warn(text);
  if (pulumi.runtime.isDryRun() && !options.planIsShown) {
    await pulumi.log.info(["the plan:", ...planLines(planRows(fullPlan))].join("\n"));
  }
  const marker = (root: string) => observed.get(root)?.observation.marker;

  const builder = new BuilderImage("builder", {
    stack,
    ...(spec.builderImage ? { prebuilt: spec.builderImage } : {}),
    architecture: spec.architecture,
    planned: plan.builder,
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
        planned: plan.base,
        request: baseRequest(spec),
        marker: marker("base"),
        // an address may carry a token
        secrets: spec.iso?.urls.length ? { isoUrls: JSON.stringify(spec.iso.urls) } : {},
      },
      image: {
        planned: plan.image,
        request: imageRequest(spec),
        marker: marker("image"),
        secrets: spec.credentials,
      },
      knownImageSha256: proof && observed.get("image")!.imageSha256,
    },
    { dependsOn: builder.ready },
  );

  // the stages below the image are keyed by its SHA-256, which may only be known when it has been built
  const proofs = build.imageSha256.apply((sha256) => planProof(spec, files, sha256));
  // as unknown: Pulumi's types would look for outputs inside the plan, which has none
  const planned = <T>(pick: (of: ProofPlan) => T) =>
    proofs.apply<unknown>(pick as (of: unknown) => unknown) as pulumi.Output<T>;
  const common = { stack, toolsImage: builder.image, imageKey: plan.image.key };
  const afterImage = { dependsOn: [build.image] };

  const artifact = new Qcow2Artifact(
    "qcow2",
    {
      ...common,
      planned: planned(({ check }) => check),
      request: checkRequest(spec),
      // without the names of user and organisation, which may be words that stand in any image
      secrets: onlySecret(spec.credentials),
      marker: marker("check"),
    },
    afterImage,
  );

  const conversions = spec.formats.map((conversion, index) => {
    const root = `convert-${conversion.name}`;
    return new Conversion(
      root,
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
          "smoke",
          {
            ...common,
            imageSha256: build.imageSha256,
            ...(spec.smoke === "libvirt"
              ? { libvirt: libvirtGuest(options.site.home, spec, stack, plan.image.key) }
              : {}),
            planned: planned((of) => of.smoke!),
            request: smokeRequest(spec),
            marker: marker("smoke"),
          },
          afterImage,
        );

  const release = new Release("release", {
    ...common,
    planned: planned((of) => of.release),
    request: {
      stack,
      virtualBytes: spec.diskBytes,
      conversions: spec.formats.map(({ name, format, fileName }) => ({ name, format, fileName })),
      signKey: spec.signKey,
      parameters: maskedSettings(configuredSettings().values),
      baseImage: spec.baseImage,
      builder: plan.builder.description,
    },
    proofs: [artifact.check, ...conversions.map((c) => c.convert), ...(smoke ? [smoke.smoke] : [])],
    marker: marker("release"),
  });

  const publications = spec.publish.map(
    ({ name, destination, files: wanted, keep }) =>
      [
        name,
        new Publication(`publish-${name}`, {
          stack,
          releaseKey: planned((of) => of.release.key),
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

async function planOf(
  site: Site,
  stack: string,
  rebuild: readonly string[] = [],
): Promise<FullPlan> {
  try {
    const { values, problems } = configuredSettings();
    const spec = parseSettings(values, stack, pulumi.getProject(), problems);
    return requireIso(site.home, spec, await makePlan(site, spec, stack, rebuild));
  } catch (error) {
    throw asRunError(error as Error);
  }
}

function warnings(spec: ImageSpec, stack: string): string[] {
  const { values } = configuredSettings();
  const settings = { project: pulumi.getProject(), values, secretNames: encryptedNames() };
  return settingWarnings(settings, spec, stack);
}

/** Makes an error that the user can mend one that Pulumi prints without a stack trace. */
function asRunError(error: Error): Error {
  if (error instanceof SettingsError) return new pulumi.RunError(error.message);
  if (!(error instanceof StageFailure)) return error;
  const { hint } = error.details;
  return new pulumi.RunError(hint ? `${error.message}\n  next: ${hint}` : error.message);
}
