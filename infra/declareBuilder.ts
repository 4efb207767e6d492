import type * as pulumi from "@pulumi/pulumi";

import { BuilderImage } from "../components/builderImage";
import type { StackName } from "../plan/identity";
import { needsAnsible } from "../plan/imagePlan";
import type { Reach } from "../plan/invocation";
import { rootOf } from "../plan/roots";
import type { StackPlan } from "../preview/stackPlan";

/** What a builder's resources need besides the plan. */
interface BuilderSurroundings extends Pick<StackName, "stack"> {
  readonly reach: Reach;
  /** The image that alone has it; null where those of a stack share it. */
  readonly called: string | null;
  /** What that image was called before. */
  readonly formerly?: readonly string[];
}

/** Declares the builder of the images of a plan. */
export function declareBuilder(
  { builder: tools, images }: Pick<StackPlan, "builder" | "images">,
  { called, ...around }: BuilderSurroundings,
  opts: pulumi.ComponentResourceOptions = {},
): BuilderImage {
  const [{ spec }] = images as [StackPlan["images"][number]];
  return new BuilderImage(
    rootOf(called, "builder"),
    {
      ...{ ...around, called },
      ...(spec.builderImage ? { prebuilt: spec.builderImage } : {}),
      architecture: spec.architecture,
      planned: tools.planned,
      toolsImage: tools.reference,
      baseImage: spec.baseImage,
      packer: spec.packer,
      ansible: images.some((image) => needsAnsible(image.spec)),
      toolsMarker: tools.marker,
      ...(tools.hand ? { hand: tools.hand } : {}),
    },
    opts,
  );
}
