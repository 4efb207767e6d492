import * as pulumi from "@pulumi/pulumi";

import { rootOf } from "../plan/roots";
import { check } from "../plan/stages/check";
import { type ProofStageArgs, proofRequest } from "./proofStage";
import { formerAliases, stageCommand } from "./stageCommand";

/** Arguments of {@link Qcow2Artifact}. */
export interface Qcow2ArtifactArgs extends ProofStageArgs<typeof check> {
  /** Secrets of the build, which must not be found in the image. */
  secrets?: Record<string, pulumi.Input<string>>;
}

/** The finished qcow2, checked offline: consistency, hygiene, secrets, packages. */
export class Qcow2Artifact extends pulumi.ComponentResource {
  /** Release waits for this. */
  readonly check: pulumi.Resource;

  constructor(name: string, args: Qcow2ArtifactArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:Qcow2Artifact", name, {}, opts);
    this.check = stageCommand(
      rootOf(args.called ?? null, check.stage),
      { ...args, contract: check, request: proofRequest<typeof check>(args) },
      { parent: this, aliases: formerAliases(check.stage, `${name}-check`, args.formerly) },
    ).command;
    this.registerOutputs({});
  }
}
