import * as pulumi from "@pulumi/pulumi";

import type { StageDescription } from "../plan/description";
import { answerOf, stageCommand } from "./stageCommand";

/** Arguments of {@link BuildRun}. */
export interface BuildRunArgs {
  stack: string;
  /** Reference of the image that runs the stages. */
  toolsImage: pulumi.Input<string>;
  base: BuildStageArgs;
  image: BuildStageArgs;
  /** SHA-256 of the finished qcow2 where the image is in the store; otherwise known only when its stage has run. */
  knownImageSha256: string | undefined;
}

export interface BuildStageArgs {
  description: StageDescription;
  settings: Record<string, unknown>;
  /** See `StageCommandArgs.marker`. */
  marker: string | undefined;
  secrets?: Record<string, pulumi.Input<string>>;
}

/** The build: an installed disk (`base`), and the golden image that Packer makes on an overlay of it (`image`). */
export class BuildRun extends pulumi.ComponentResource {
  /** SHA-256 of the finished qcow2. */
  readonly imageSha256: pulumi.Output<string>;
  /** What follows the image has to wait for this. */
  readonly image: pulumi.Resource;

  constructor(name: string, args: BuildRunArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:BuildRun", name, {}, opts);
    const stage = (root: "base" | "image", dependsOn: pulumi.Resource[]) =>
      stageCommand(
        `${name}-${root}`,
        {
          ...args[root],
          stack: args.stack,
          stage: root,
          root,
          settings: pulumi
            .output(args.toolsImage)
            .apply((toolsImage): object => ({ ...args[root].settings, toolsImage })),
        },
        { parent: this, dependsOn },
      );
    const base = stage("base", []);
    const image = stage("image", [base]);
    this.image = image;
    this.imageSha256 = args.knownImageSha256
      ? pulumi.output(args.knownImageSha256)
      : answerOf(image).apply(({ files }) => files["image.qcow2"]!.sha256);
    this.registerOutputs({ imageSha256: this.imageSha256 });
  }
}
