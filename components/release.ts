import * as pulumi from "@pulumi/pulumi";

import { rootOf } from "../plan/roots";
import type { ResultOf } from "../plan/stages/contract";
import { release } from "../plan/stages/release";
import { type ProofStageArgs, proofRequest } from "./proofStage";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link Release}. */
export interface ReleaseArgs extends ProofStageArgs<typeof release> {
  /** Check, conversions and boot: nothing is released before all of them are done. */
  proofs: pulumi.Resource[];
}

/** Lays the proven image out under PATH/output; only this moves the stack's outputs. */
export class Release extends pulumi.ComponentResource {
  /** The released files and their facts; paths as in the settings. */
  readonly facts: pulumi.Output<ResultOf<typeof release>>;
  /** See `StageAnswer.folder`. */
  readonly folder: pulumi.Output<string | undefined>;
  /** Publications wait for this. */
  readonly files: pulumi.Resource;

  constructor(name: string, args: ReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:Release", name, {}, opts);
    const { command, answer } = stageCommand(
      rootOf(args.called ?? null, release.stage),
      { ...args, contract: release, request: proofRequest<typeof release>(args) },
      // the name in the state of earlier versions
      { parent: this, dependsOn: args.proofs, aliases: [{ name: `${name}-files` }] },
    );
    this.files = command;
    this.facts = answer.apply<unknown>(({ result }) => result) as typeof this.facts;
    this.folder = answer.apply(({ folder }) => folder);
    this.registerOutputs({ facts: this.facts, folder: this.folder });
  }
}
