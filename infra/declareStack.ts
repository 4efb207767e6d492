import * as pulumi from "@pulumi/pulumi";

import type { StackIdentity } from "../plan/identity";
import type { ImageSpec } from "../plan/imageSpec";
import type { Reach } from "../plan/invocation";
import type { StackPlan } from "../preview/stackPlan";
import { toldSettings } from "../settings/toldSettings";
import { declareBuilder } from "./declareBuilder";
import type { DeclaredImage } from "./declareImage";
import { ownArguments } from "./ownArguments";
import { OwnImage } from "./ownImage";

/** What a stack's resources need besides its plan. */
interface Surroundings {
  readonly reach: Reach;
  /** Whose images they are. */
  readonly owner: StackIdentity;
  /** The `.kragle` folder. */
  readonly home: string;
  /** The settings of each image, by its name. */
  readonly settings: ReadonlyMap<string | null, Readonly<Record<string, unknown>>>;
  /** Names of those that are encrypted. */
  readonly secretNames: readonly string[];
}

type StackOutputs = Record<string, pulumi.Input<unknown>>;

/** What the resource of a stack's only image is called; a stack can get another name. */
const ONLY = "image";

/** Declares the components of a stack: the builder, which all images share, and the images. @returns the stack's outputs */
export function declareStack(
  plan: StackPlan,
  { settings, secretNames, ...around }: Surroundings,
): StackOutputs {
  const { images, wanted, released } = plan;
  const { reach, owner } = around;
  const builder = declareBuilder(plan, { reach, stack: owner.stack, called: null });
  const made = new Map<string, pulumi.Resource>();
  const declared = new Map<string | null, DeclaredImage>();
  const outputs = new Map<string, unknown>();
  for (const image of images) {
    const { name, on } = image.spec;
    const last = released.get(name);
    if (wanted && name !== null && !wanted.has(name)) {
      if (last !== undefined) outputs.set(name, last);
      continue;
    }
    const values = settings.get(name)!;
    const own = new OwnImage(name ?? ONLY, ownArguments(values, secretNames), image, {
      ...{ ...around, builder, made, on: declared.get(on) },
      told: toldSettings(values, secretNames),
    });
    declared.set(name, own.declared);
    const results = stackOutputs(own.declared, image.spec);
    if (name === null) return results;
    // a failed image holds back its own outputs, and no others
    outputs.set(
      name,
      pulumi.recover(pulumi.output(results), () => last),
    );
  }
  return { images: Object.fromEntries(outputs) };
}

/** Where nothing is published there is no output of it. */
function stackOutputs({ outputs }: DeclaredImage, { publish }: ImageSpec): StackOutputs {
  const { publications: _, ...others } = outputs;
  return publish.length > 0 ? outputs : others;
}
