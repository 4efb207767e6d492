import * as pulumi from "@pulumi/pulumi";

import { convert } from "../plan/stages/convert";
import { type ProofStageArgs, proofRequest } from "./proofStage";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link Conversion}. */
export type ConversionArgs = ProofStageArgs<typeof convert>;

/** One other disk format of the image, always made from the qcow2. */
export class Conversion extends pulumi.ComponentResource {
  /** Release waits for this. */
  readonly convert: pulumi.Resource;

  /** @param name such as "convert-raw"; also the root under which the stack keeps the file */
  constructor(name: string, args: ConversionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:Conversion", name, {}, opts);
    const command = { ...args, contract: convert, request: proofRequest<typeof convert>(args) };
    this.convert = stageCommand(name, command, { parent: this }).command;
    this.registerOutputs({});
  }
}
