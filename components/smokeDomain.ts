import * as pulumi from "@pulumi/pulumi";

import { type ProofStageArgs, proofSettings } from "./proofStage";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link SmokeDomain}. */
export interface SmokeDomainArgs extends ProofStageArgs {
  /** What boots the image. */
  driver: "qemu";
}

/** The proof by boot: a guest on a throw-away overlay of the image climbs the boot ladder. */
export class SmokeDomain extends pulumi.ComponentResource {
  /** Release waits for this. */
  readonly smoke: pulumi.Resource;

  constructor(name: string, args: SmokeDomainArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:SmokeDomain", name, {}, opts);
    this.smoke = stageCommand(
      `${name}-boot`,
      { ...args, stage: "smoke", root: "smoke", settings: proofSettings(args) },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
