import * as pulumi from "@pulumi/pulumi";

import { type ProofStageArgs, proofSettings } from "./proofStage";
import { answerOf, stageCommand } from "./stageCommand";

/** Arguments of {@link Release}. */
export interface ReleaseArgs extends ProofStageArgs {
  /** The conversions with the keys of their stages. */
  conversions: pulumi.Input<{ name: string; format: string; key: string; fileName: string }[]>;
  checkKey: pulumi.Input<string>;
  smokeKey: pulumi.Input<string | null>;
  /** Check, conversions and boot: nothing is released before all of them are done. */
  proofs: pulumi.Resource[];
}

/** Lays the proven image out under PATH/output; only this moves the stack's outputs. */
export class Release extends pulumi.ComponentResource {
  /** The released files and their facts; paths as in the settings. */
  readonly facts: pulumi.Output<Readonly<Record<string, unknown>>>;
  /** Publications wait for this. */
  readonly files: pulumi.Resource;

  constructor(name: string, args: ReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:Release", name, {}, opts);
    const { conversions, checkKey, smokeKey } = args;
    const release = stageCommand(
      `${name}-files`,
      {
        ...args,
        stage: "release",
        root: "release",
        settings: pulumi
          .all([proofSettings(args), conversions, checkKey, smokeKey])
          .apply(([settings, formats, check, smoke]) => ({
            ...settings,
            conversions: formats,
            checkKey: check,
            smokeKey: smoke,
          })),
      },
      { parent: this, dependsOn: args.proofs },
    );
    this.files = release;
    this.facts = answerOf(release).apply(({ result }) => result);
    this.registerOutputs({ facts: this.facts });
  }
}
