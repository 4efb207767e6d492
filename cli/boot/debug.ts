import { requireDaemon } from "../../executors/daemon";
import { thisSite } from "../../executors/site";
import { EXIT, StageFailure } from "../../host/failure";
import { tell } from "../../host/output";
import type { ImagePlan } from "../../plan/imagePlan";
import { base } from "../../plan/stages/base";
import { diskOf, madeOn } from "../../plan/stages/image";
import { point, POINT } from "../../plan/stages/point";
import { type ProvisionStep, stepTitle } from "../../plan/steps";
import { planRun } from "../../preview/requirements";
import type { ArtifactStore } from "../../store/artifactStore";
import { identityOf } from "../../store/identity";
import { openStore } from "../../store/open";
import { findPoints } from "../../store/pointChain";
import { imageFirst, oneImage } from "../imageNames";
import { readStack } from "../stackSettings";
import { findTools } from "../toolsImage";
import { look, requireTerminal } from "./look";
import type { BootDisk } from "./throwAway";

export interface DebugOptions {
  readonly stack: string;
  /** The command line that is run in place of a shell. */
  readonly exec?: string;
}

/**
 * `kragle debug [IMAGE] [STEP]`: boots a throw-away overlay of the disk as it was before a step, and gives a shell in it.
 *
 * @param first which image of the stack, if it has several; else the step
 * @param second behind an image's name: the step
 */
export async function debug(
  first: string | undefined,
  second: string | undefined,
  options: DebugOptions,
): Promise<number> {
  const { stack, exec } = options;
  requireTerminal("debug", exec);
  const { spec: all, settings } = readStack(stack, false);
  const { image, word: given } = imageFirst(all.images, stack, first, second);
  const spec = oneImage(all, stack, image);
  const wanted = given === undefined ? undefined : stepOf(spec.provision, given);
  const site = thisSite();
  await requireDaemon(site);
  const owner = identityOf(site.home, { project: settings.project, stack });
  const { images } = await planRun(site, all, owner, []);
  const { plan } = images.find((one) => one.spec.name === spec.name)!;
  const disk = await diskBefore(openStore(site.home), stack, plan, spec.provision, wanted);
  const toolsImage = await findTools(site, stack);
  const firmware = spec.template.smoke.firmware[0];
  return look(site, spec, { disk, firmware, toolsImage, outside: true }, { exec });
}

/**
 * Which step is meant.
 *
 * @param given its number, its name, or its title
 * @returns its number, counting from 1
 * @throws StageFailure (exit code 2) with those that there are
 */
export function stepOf(steps: readonly ProvisionStep[], given: string): number {
  const titles = steps.map(stepTitle);
  const number = /^\d+$/.test(given) ? Number(given) : titles.indexOf(given) + 1;
  if (number >= 1 && number <= steps.length) return number;
  const known = titles.map((title, index) => `\n  ${index + 1}  ${title}`).join("") || " none";
  throw new StageFailure(`"${given}" is not a step; the stack has${known}`, {
    exitCode: EXIT.wrongSettings,
  });
}

/**
 * The disk as it was before a step: an overlay of the points after all those before it, or of what the image is made on.
 *
 * @param stack whose plan it is, for people
 * @param wanted the number of the step; of the one at which the next build goes on, where it is undefined
 * @throws StageFailure where that is not in the store
 */
export async function diskBefore(
  store: ArtifactStore,
  stack: string,
  plan: ImagePlan,
  steps: readonly ProvisionStep[],
  wanted: number | undefined,
): Promise<BootDisk> {
  const { stage, key } = madeOn(plan.image.description.upstream);
  const installed = await store.lookup(stage, key);
  if (installed.state !== "present") {
    throw new StageFailure(`the ${stage}, on which the first step runs, is not in the store`, {
      hint: `./kragle up -s ${stack} makes it`,
    });
  }
  const { chain, unused } = await findPoints(store, plan.image.description, installed.manifest);
  for (const why of unused) tell(`${why}\n`);
  const before = wanted === undefined ? chain : chain.filter(({ step }) => step < wanted);
  const last = before.at(-1)?.step ?? 0;
  const below = stage === base.stage ? "the installed base" : "the image that it is made on";
  const place = last === 0 ? below : `after step ${last} (${titleOf(steps, last)})`;
  if (wanted !== undefined && last < wanted - 1) {
    const missing =
      wanted - 1 === last + 1
        ? `step ${wanted - 1} has`
        : `steps ${last + 1} to ${wanted - 1} have`;
    tell(`there is no point after step ${wanted - 1}: this is ${place}, so ${missing} not run\n`);
  }
  const files = [
    { folder: await store.artifact(stage, key), name: diskOf(stage) },
    ...(await Promise.all(
      before.map(async ({ key }) => ({
        folder: await store.artifact(point.stage, key),
        name: POINT,
      })),
    )),
  ];
  const links = files.map(
    ({ name }, index) => `ln -s /chain-${index}/${name} ${CHAIN}/${index}.qcow2`,
  );
  return {
    title: `the disk ${last === 0 ? "of " : ""}${place}`,
    inputs: files.map(({ folder }, index) => ({ at: `/chain-${index}`, path: folder.folder })),
    backing: {
      file: `${CHAIN}/${files.length - 1}.qcow2`,
      format: "qcow2",
      // each file names the one below it by its place in a folder of this name
      prepare: [`mkdir ${CHAIN}`, ...links],
    },
  };
}

const CHAIN = "/tmp/chain";

const titleOf = (steps: readonly ProvisionStep[], number: number) => stepTitle(steps[number - 1]!);
