import * as pulumi from "@pulumi/pulumi";

import { base } from "../plan/stages/base";
import type { Planned, RequestOf, StageContract } from "../plan/stages/contract";
import { image, IMAGE } from "../plan/stages/image";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link BuildRun}. */
export interface BuildRunArgs {
  stack: string;
  /** Reference of the image that runs the stages. */
  toolsImage: pulumi.Input<string>;
  base: BuildStageArgs<typeof base>;
  image: BuildStageArgs<typeof image>;
  /** SHA-256 of the finished qcow2 where the image is in the store; otherwise known only when its stage has run. */
  knownImageSha256: string | undefined;
}

/** What one of the two stages is told. */
export interface BuildStageArgs<C extends StageContract> {
  planned: Planned<C>;
  request: Omit<RequestOf<C>, "toolsImage">;
  /** See `StageCommandArgs.marker`. */
  marker: string | undefined;
  secrets?: Record<string, pulumi.Input<string>>;
}

/** The build: an installed disk (`base`), and the golden image that Packer makes on an overlay of it (`image`). */
export class BuildRun extends pulumi.ComponentResource {
  /** SHA-256 of the finished qcow2. */
  readonly imageSha256: pulumi.Output<string>;
  /** Resources that are made from the image depend on this. */
  readonly image: pulumi.Resource;

  constructor(name: string, args: BuildRunArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:BuildRun", name, {}, opts);
    const { stack, knownImageSha256 } = args;
    const tools = pulumi.output(args.toolsImage);
    const options = (stage: string, ...dependsOn: pulumi.Resource[]) => ({
      ...{ parent: this, dependsOn },
      // the name in the state of earlier versions
      aliases: [{ name: `${name}-${stage}` }],
    });
    const installed = stageCommand(
      base.stage,
      {
        ...{ ...args.base, stack, contract: base },
        request: tools.apply((toolsImage) => ({ ...args.base.request, toolsImage })),
      },
      options(base.stage),
    );
    const built = stageCommand(
      image.stage,
      {
        ...{ ...args.image, stack, contract: image },
        request: tools.apply((toolsImage) => ({ ...args.image.request, toolsImage })),
      },
      options(image.stage, installed.command),
    );
    this.image = built.command;
    this.imageSha256 = knownImageSha256
      ? pulumi.output(knownImageSha256)
      : built.answer.apply(({ files }) => files[IMAGE]!.sha256);
    this.registerOutputs({ imageSha256: this.imageSha256 });
  }
}
