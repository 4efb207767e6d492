import * as pulumi from "@pulumi/pulumi";

import { requireDaemon } from "../executors/daemon";
import { otherDaemon } from "../executors/dockerEndpoint";
import { thisSite } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { requireNode } from "../host/oldestNode";
import { asCalledHere, workFor } from "../host/project";
import type { ImageSpec } from "../plan/imageSpec";
import { parallelStages } from "../preview/parallel";
import { planLines } from "../preview/planLines";
import { planRows } from "../preview/planReport";
import { planRun } from "../preview/requirements";
import { parseArguments } from "../settings/imageArguments";
import { imageBelow } from "../settings/images";
import { machineWarnings } from "../settings/machine";
import { toldSettings } from "../settings/toldSettings";
import { settingWarnings } from "../settings/warnings";
import { identityOf } from "../store/identity";
import { argumentsError, resourceError } from "./argumentsError";
import { declareBuilder } from "./declareBuilder";
import { declareImage } from "./declareImage";
import { formerNames, letGoOfFormer } from "./formerNames";
import { type GivenArguments, givenArguments } from "./givenArguments";
import type { DeclaredOutputs } from "./outputs";
import { type ProgramImage, programImages, type ProgramImages } from "./programImages";
import { findReach } from "./reach";

/**
 * Declares an image of a program that has kragle as a package: its arguments are read, it is planned, a preview is told what will run and
 * why, and its components are declared.
 *
 * @param resource what they lie in
 * @returns its outputs; undefined where an argument is not known in this preview
 * @throws Error that Pulumi shows without a stack trace, with everything that is wrong
 */
export async function declareAlone(
  resource: pulumi.Resource,
  name: string,
  args: pulumi.Inputs,
  opts: pulumi.ComponentResourceOptions = {},
): Promise<DeclaredOutputs | undefined> {
  try {
    const images = programImages();
    const image = await images.begin(name, () => declare(images, resource, name, args, opts));
    return image?.declared.outputs;
  } catch (error) {
    throw asResourceError(error as Error, resource);
  }
}

/** What an image is called, and was before. */
interface Called {
  readonly name: string;
  readonly formerly: readonly string[];
}

async function declare(
  images: ProgramImages,
  resource: pulumi.Resource,
  name: string,
  args: pulumi.Inputs,
  opts: pulumi.ComponentResourceOptions,
): Promise<ProgramImage | undefined> {
  workFor();
  const called = { name, formerly: await formerNames(name, opts) };
  const given = await givenArguments(args);
  if (given.unknown.length > 0) {
    await isPlannedLater(resource, given.unknown);
    return undefined;
  }
  const on = imageBelow(given);
  const below = on === undefined ? undefined : await images.find(name, on);
  if (on !== undefined && !below) {
    await isPlannedLater(resource, [`the image ${on}`]);
    return undefined;
  }
  return images.inTurn(async () => {
    const image = await declarePlanned(images, resource, called, given, below);
    images.known.push(image);
    return image;
  });
}

const isPlannedLater = (resource: pulumi.Resource, unknown: readonly string[]) =>
  pulumi.log.info(
    `the plan of this image is known when ${unknown.join(" and ")} is; what will run is not known before`,
    resource,
  );

async function declarePlanned(
  images: ProgramImages,
  resource: pulumi.Resource,
  { name, formerly }: Called,
  { values, secret }: GivenArguments,
  below: ProgramImage | undefined,
): Promise<ProgramImage> {
  const site = await readySite();
  const stack = pulumi.getStack();
  const { spec, problems } = parseArguments(name, values, stack, images.known);
  if (!spec) throw argumentsError(name, problems, resource);
  const owner = identityOf(site.home, { project: pulumi.getProject(), stack });
  const others = new Map(images.known.map(({ planned }) => [planned.spec.name, planned]));
  const plan = await planRun(site, { images: [spec] }, owner, rebuilt(), undefined, others);
  const [planned] = plan.images as [ProgramImage["planned"]];
  for (const text of warnings(spec, values, secret)) await pulumi.log.warn(text, resource);
  if (pulumi.runtime.isDryRun()) {
    const lines = planLines(planRows(plan), parallelStages({ images: [spec] }));
    await pulumi.log.info(asCalledHere(["the plan:", ...lines].join("\n")), resource);
  }
  const reach = await findReach();
  const parent = resource;
  const builder = declareBuilder(plan, { stack, reach, called: name, formerly }, { parent });
  const told = toldSettings(values, secret);
  const around = { reach, builder, made: images.made, owner, home: site.home, told, parent };
  const declared = declareImage(planned, { ...around, formerly, on: below?.declared });
  if (!pulumi.runtime.isDryRun() && formerly.length > 0) {
    declared.outputs.key.apply(() => letGoOfFormer(site.home, owner, reach, formerly));
  }
  return { spec, values, planned, declared };
}

/** What this machine has to have is looked at before anything is planned. */
async function readySite() {
  requireNode();
  const two = otherDaemon(new pulumi.Config("docker").get("host"));
  if (two) throw new StageFailure(two, { exitCode: EXIT.wrongSettings });
  const site = thisSite();
  await requireDaemon(site);
  return site;
}

/** Stages that the user wants built again, of all images of the program. */
const rebuilt = () => (process.env.KRAGLE_REBUILD ?? "").split(",").filter(Boolean);

const warnings = (
  spec: ImageSpec,
  values: GivenArguments["values"],
  secretNames: readonly string[],
) => [
  ...settingWarnings({ project: null, values, secretNames }, spec, pulumi.getStack()),
  ...machineWarnings(spec, null),
];

/** Makes an error that the user can mend one that Pulumi prints without a stack trace. */
const asResourceError = (error: Error, resource: pulumi.Resource): Error =>
  error instanceof StageFailure ? resourceError(error.text, resource) : error;
