import * as pulumi from "@pulumi/pulumi";

import { type ProofStageArgs, proofSettings } from "./proofStage";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link Conversion}. */
export interface ConversionArgs extends ProofStageArgs {
  /** The conversion's name, such as "raw" or "qcow2-zstd". */
  format: string;
}

/** One other disk format of the image, always made from the qcow2. */
export class Conversion extends pulumi.ComponentResource {
  /** Release waits for this. */
  readonly convert: pulumi.Resource;

  constructor(name: string, args: ConversionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:Conversion", name, {}, opts);
    this.convert = stageCommand(
      name,
      { ...args, stage: "convert", root: `convert-${args.format}`, settings: proofSettings(args) },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
