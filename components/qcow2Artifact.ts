import * as pulumi from "@pulumi/pulumi";

import { type ProofStageArgs, proofSettings } from "./proofStage";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link Qcow2Artifact}. */
export interface Qcow2ArtifactArgs extends ProofStageArgs {
  /** Secrets of the build, which must not be found in the image. */
  secrets?: Record<string, pulumi.Input<string>>;
}

/** The finished qcow2, checked offline: consistency, hygiene, secrets, packages. */
export class Qcow2Artifact extends pulumi.ComponentResource {
  /** SHA-256 of the image. */
  readonly sha256: pulumi.Output<string>;
  /** Release waits for this. */
  readonly check: pulumi.Resource;

  constructor(name: string, args: Qcow2ArtifactArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:Qcow2Artifact", name, {}, opts);
    this.sha256 = pulumi.output(args.imageSha256);
    this.check = stageCommand(
      `${name}-check`,
      {
        ...args,
        stage: "check",
        root: "check",
        settings: proofSettings(args),
      },
      { parent: this },
    );
    this.registerOutputs({ sha256: this.sha256 });
  }
}
