import * as pulumi from "@pulumi/pulumi";

import type { Reach } from "../plan/invocation";
import { rootOf } from "../plan/roots";
import { base } from "../plan/stages/base";
import type { Planned, RequestOf, StageContract } from "../plan/stages/contract";
import { image, IMAGE } from "../plan/stages/image";
import { formerAliases, stageCommand } from "./stageCommand";

/** Arguments of {@link BuildRun}. */
export interface BuildRunArgs {
  stack: string;
  /** How commands reach kragle. */
  reach: Reach;
  /** What the stack calls the image; by default nothing, since it is the only one. */
  called?: string | null;
  /** What the image was called before: a resource keeps its place in the state. */
  formerly?: readonly string[];
  /** Reference of the image that runs the stages. */
  toolsImage: pulumi.Input<string>;
  /** Undefined where the image is made on another one. */
  base: BuildStageArgs<typeof base> | undefined;
  /** The command that makes the other image. */
  on?: pulumi.Resource | undefined;
  image: BuildStageArgs<typeof image>;
  /** Commands of other images that make the very same: who comes after them finds it in the store. */
  same?: {
    readonly base?: pulumi.Resource | undefined;
    readonly image?: pulumi.Resource | undefined;
  };
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
  /** The installed disk; undefined where the image is made on another one. */
  readonly base: pulumi.Resource | undefined;
  /** Resources that are made from the image depend on this. */
  readonly image: pulumi.Resource;

  constructor(name: string, args: BuildRunArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:BuildRun", name, {}, opts);
    const { stack, reach, called = null, formerly, same = {}, knownImageSha256 } = args;
    const tools = pulumi.output(args.toolsImage);
    const options = (stage: string, ...before: (pulumi.Resource | undefined)[]) => ({
      ...{ parent: this, dependsOn: before.filter((one) => one !== undefined) },
      aliases: formerAliases(stage, `${name}-${stage}`, formerly),
    });
    const disk = args.base;
    const installed =
      disk &&
      stageCommand(
        rootOf(called, base.stage),
        {
          ...{ ...disk, stack, reach, contract: base },
          request: tools.apply((toolsImage) => ({ ...disk.request, toolsImage })),
        },
        options(base.stage, same.base),
      );
    const built = stageCommand(
      rootOf(called, image.stage),
      {
        ...{ ...args.image, stack, reach, contract: image },
        request: tools.apply((toolsImage) => ({ ...args.image.request, toolsImage })),
      },
      options(image.stage, installed?.command, args.on, same.image),
    );
    this.base = installed?.command;
    this.image = built.command;
    this.imageSha256 = knownImageSha256
      ? pulumi.output(knownImageSha256)
      : built.answer.apply(({ files }) => files[IMAGE]!.sha256);
    this.registerOutputs({ imageSha256: this.imageSha256 });
  }
}
