import * as pulumi from "@pulumi/pulumi";

import { BuilderImage } from "../components/builderImage";
import { GoldenImage } from "../components/goldenImage";
import type { StackIdentity } from "../plan/identity";
import { needsAnsible } from "../plan/imagePlan";
import { declareImage } from "./declareImage";
import type { StackPlan } from "./stackPlan";

/** What a stack's resources need besides its plan. */
interface Surroundings {
  /** Whose images they are. */
  readonly owner: StackIdentity;
  /** The `.kragle` folder. */
  readonly home: string;
  /** What a release tells of an image's settings, by the image's name. */
  readonly told: ReadonlyMap<string | null, ToldSettings>;
  /** Names of the images that are wanted; undefined for all. */
  readonly wanted?: ReadonlySet<string> | undefined;
}

export interface ToldSettings {
  /** The image's settings by name; secret ones masked. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Names of those that are not as they are by default. */
  readonly changed: readonly string[];
}

/** The outputs of one image. */
type Declared = Record<string, pulumi.Input<unknown>>;

/** Declares the components of a stack: the builder, which all images share, and each image's. @returns the stack's outputs */
export function declareStack(
  { builder: tools, images, released }: StackPlan,
  { owner, home, told, wanted }: Surroundings,
): Declared {
  const [{ spec }] = images as [StackPlan["images"][number]];
  const builder = new BuilderImage("builder", {
    stack: owner.stack,
    ...(spec.builderImage ? { prebuilt: spec.builderImage } : {}),
    architecture: spec.architecture,
    planned: tools.planned,
    toolsImage: tools.reference,
    baseImage: spec.baseImage,
    packer: spec.packer,
    ansible: images.some((image) => needsAnsible(image.spec)),
    toolsMarker: tools.marker,
    handMarker: tools.handMarker,
    handDigest: tools.handDigest,
  });
  const outputs = new Map<string, unknown>();
  const made = new Map<string, pulumi.Resource>();
  for (const image of images) {
    const { name } = image.spec;
    const around = { builder, made, owner, home, ...told.get(name)! };
    if (name === null) return declareImage(image, { ...around, parent: undefined });
    const last = released.get(name);
    if (wanted && !wanted.has(name)) {
      if (last !== undefined) outputs.set(name, last);
      continue;
    }
    const parent = new GoldenImage(name);
    const own = parent.give(declareImage(image, { ...around, parent }));
    // a failed image holds back its own outputs, and no others
    outputs.set(
      name,
      pulumi.recover(pulumi.output(own), () => last),
    );
  }
  return { images: Object.fromEntries(outputs) };
}
