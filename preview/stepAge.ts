import canonicalize from "canonicalize";

import type { ProvisionStep, Step } from "../plan/steps";
import { step as stepSchema } from "../plan/steps";
import { image } from "../plan/stages/image";
import { point } from "../plan/stages/point";
import type { ArtifactStore } from "../store/artifactStore";

/**
 * The steps as inputs, each that is to run again with the time at which it was begun: that of a run which is young enough, else now. So the
 * step has another key when its time is over, and the same one until then.
 *
 * @param provision the same steps, as the settings have them
 */
export async function datedSteps(
  store: ArtifactStore,
  provision: readonly ProvisionStep[],
  steps: readonly Step[],
): Promise<Step[]> {
  if (!provision.some(isDated)) return [...steps];
  const runs = await knownRuns(store);
  const now = new Date();
  return steps.map((step, index) => {
    const setting = provision[index]!;
    if (!isDated(setting)) return step;
    const oldest = setting.always ? Infinity : now.getTime() - setting.refreshAfter! * 1000;
    const young = runs
      .filter((run) => nameOf(run) === nameOf(step))
      .flatMap(({ since }) => (since !== undefined && Date.parse(since) > oldest ? [since] : []))
      .sort();
    return { ...step, since: young.at(-1) ?? now.toISOString() };
  });
}

const isDated = ({ always, refreshAfter }: ProvisionStep) => always || refreshAfter !== null;

/** What the store knows of steps that were run. */
async function knownRuns(store: ArtifactStore): Promise<Step[]> {
  const points = await store.manifests(point.stage);
  const images = await store.manifests(image.stage);
  const inputs = [
    ...points.map(({ description }) => description.inputs.step),
    ...images.flatMap(({ description }) => description.inputs.steps),
  ];
  return inputs.flatMap((one) => stepSchema.safeParse(one).data ?? []);
}

const nameOf = ({ since: _, ...step }: Step) => canonicalize(step);
