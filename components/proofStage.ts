import * as pulumi from "@pulumi/pulumi";

import type { StageDescription } from "../plan/description";

/** What the stages below the image have in common: they belong to one file, named by key and content. */
export interface ProofStageArgs {
  stack: string;
  toolsImage: pulumi.Input<string>;
  imageKey: string;
  imageSha256: pulumi.Input<string>;
  /** Known as soon as the image's content is known. */
  description: pulumi.Input<StageDescription>;
  settings: Record<string, unknown>;
  /** See `StageCommandArgs.marker`. */
  marker: string | undefined;
}

/** The settings of a stage below the image: its own, and which file it is about. */
export function proofSettings(args: ProofStageArgs): pulumi.Output<object> {
  return pulumi.all([args.toolsImage, args.imageSha256]).apply(([toolsImage, sha256]) => ({
    ...args.settings,
    toolsImage,
    image: { key: args.imageKey, sha256 },
  }));
}
