import * as pulumi from "@pulumi/pulumi";

import { BuilderImage } from "../components/builderImage";
import { GoldenImage } from "../components/goldenImage";
import type { StackIdentity } from "../plan/identity";
import type { Reach } from "../plan/invocation";
import { needsAnsible } from "../plan/imagePlan";
import { declareImage, type DeclaredImage } from "./declareImage";
import type { ToldSettings } from "./requests";
import type { StackPlan } from "./stackPlan";

/** What a stack's resources need besides its plan. */
interface Surroundings {
  readonly reach: Reach;
  /** Whose images they are. */
  readonly owner: StackIdentity;
  /** The `.kragle` folder. */
  readonly home: string;
  /** What a release tells of an image's settings, by the image's name. */
  readonly told: ReadonlyMap<string | null, ToldSettings>;
}

/** Declares the components of a stack: the builder, which all images share, and each image's. @returns the stack's outputs */
export function declareStack(
  { builder: tools, images, wanted, released }: StackPlan,
  { reach, owner, home, told }: Surroundings,
): DeclaredImage["outputs"] {
  const [{ spec }] = images as [StackPlan["images"][number]];
  const builder = new BuilderImage("builder", {
    ...{ stack: owner.stack, reach },
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
  const declared = new Map<string | null, DeclaredImage>();
  for (const image of images) {
    const { name } = image.spec;
    const on = declared.get(image.spec.on);
    const around = { reach, builder, made, on, owner, home, told: told.get(name)! };
    if (name === null) return declareImage(image, { ...around, parent: undefined }).outputs;
    const last = released.get(name);
    if (wanted && !wanted.has(name)) {
      if (last !== undefined) outputs.set(name, last);
      continue;
    }
    const parent = new GoldenImage(name);
    const own = declareImage(image, { ...around, parent });
    declared.set(name, own);
    parent.give(own.outputs);
    // a failed image holds back its own outputs, and no others
    outputs.set(
      name,
      pulumi.recover(pulumi.output(own.outputs), () => last),
    );
  }
  return { images: Object.fromEntries(outputs) };
}
