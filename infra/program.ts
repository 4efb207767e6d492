import * as pulumi from "@pulumi/pulumi";

import type { Site } from "../executors/site";
import { StageFailure } from "../host/failure";
import { OLDEST_PULUMI } from "../host/pulumiVersion";
import type { StackIdentity } from "../plan/identity";
import type { StackSpec } from "../plan/imageSpec";
import { parallelStages } from "../preview/parallel";
import { planLines } from "../preview/planLines";
import { planRows } from "../preview/planReport";
import { planRun } from "../preview/requirements";
import type { StackPlan } from "../preview/stackPlan";
import { imageSettings } from "../settings/images";
import { encryptedNames } from "../settings/maskedSettings";
import { type OwnSettings, ownSettings } from "../settings/own";
import { lostByReading } from "../settings/pulumiYaml";
import { parseStack, SettingsError } from "../settings/stack";
import { warningsOf } from "../settings/warnings";
import { identityOf } from "../store/identity";
import { declareStack } from "./declareStack";
import { findReach } from "./reach";

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
  /** The plan, where it was made already. */
  readonly plan?: StackPlan;
  /** Otherwise: stages to build again although nothing has changed. */
  readonly rebuild?: readonly string[];
  /** And the images to make, see `StackPlan.wanted`. */
  readonly wanted?: ReadonlySet<string> | undefined;
  /** Whether the caller shows the plan; otherwise the program itself does in a preview. */
  readonly planIsShown?: boolean;
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
  const { site } = options;
  const owner = identityOf(site.home, { project: pulumi.getProject(), stack });
  const plan = options.plan ?? (await planOf(options, owner));
  if (!options.planIsShown) {
    for (const text of warnings(plan, stack)) await pulumi.log.warn(text);
  }
  if (pulumi.runtime.isDryRun() && !options.planIsShown) {
    await pulumi.log.info(
      ["the plan:", ...planLines(planRows(plan), parallelStages(specOf(plan)))].join("\n"),
    );
  }
  const { images } = imageSettings(configuredSettings().values);
  return declareStack(plan, {
    ...{ reach: await findReach(), owner, home: site.home },
    settings: new Map(images.map(({ name, values }) => [name, values])),
    secretNames: encryptedNames(),
  });
}

async function planOf(
  { site, rebuild, wanted }: ProgramOptions,
  owner: StackIdentity,
): Promise<StackPlan> {
  try {
    const { values, problems } = configuredSettings();
    const lost = lostByReading(owner.stack, owner.project);
    const spec = parseStack(values, owner.stack, owner.project, [...lost, ...problems]);
    return await planRun(site, spec, owner, rebuild, wanted);
  } catch (error) {
    throw asRunError(error as Error);
  }
}

const specOf = ({ images }: StackPlan): StackSpec => ({ images: images.map(({ spec }) => spec) });

function warnings(plan: StackPlan, stack: string): string[] {
  const { values } = configuredSettings();
  const settings = { project: pulumi.getProject(), values, secretNames: encryptedNames() };
  return warningsOf(settings, specOf(plan), stack);
}

/** Makes an error that the user can mend one that Pulumi prints without a stack trace. */
export function asRunError(error: Error): Error {
  if (error instanceof SettingsError) return new pulumi.RunError(error.message);
  return error instanceof StageFailure ? new pulumi.RunError(error.text) : error;
}
