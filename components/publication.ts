import * as pulumi from "@pulumi/pulumi";

import type { Reach } from "../plan/invocation";
import { planPublication } from "../plan/proofPlan";
import type { PublicationDestination } from "../plan/publication";
import { publish, type PublishedFile } from "../plan/stages/publish";
import { stageCommand } from "./stageCommand";

/** Arguments of {@link Publication}. */
export interface PublicationArgs {
  stack: string;
  /** How commands reach kragle. */
  reach: Reach;
  /** Whose versions belong together among those of the stack; the name of this component by default. */
  series?: string;
  /** Key of the release to publish, its output `key`. */
  releaseKey: pulumi.Input<string>;
  destination: PublicationDestination;
  /** Names of released files, such as "kragle.raw"; the image and every conversion of it by default. */
  files?: readonly string[];
  /** How many versions stay at least, 3 by default; one that a stack still uses stays in any case. */
  keep?: number;
  /** The resource that makes the release, where it is one of the same program. */
  release?: pulumi.Resource;
  /** See `StageCommandArgs.marker`. */
  marker?: string;
}

/**
 * Copies each release, as a version with a name of its own, to where others take it from. What the stack used until now stays
 * at least until the next version, so that nobody who follows its outputs is left without a file.
 */
export class Publication extends pulumi.ComponentResource {
  /** Name of the version. */
  readonly version: pulumi.Output<string>;
  /** The published files by their names. */
  readonly files: pulumi.Output<Readonly<Record<string, PublishedFile>>>;

  constructor(name: string, args: PublicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("kragle:index:Publication", name, {}, opts);
    const { stack, reach, series = name, destination, files = [], keep = 3, marker } = args;
    const releaseKey = pulumi.output(args.releaseKey);
    const { answer } = stageCommand(
      name,
      {
        ...{ stack, reach, contract: publish, marker },
        planned: releaseKey.apply((key) => planPublication(key, { destination, files })),
        request: { series: `${stack}-${series}`, keep },
      },
      { parent: this, dependsOn: args.release ? [args.release] : [] },
    );
    this.version = answer.apply(({ result }) => result.version);
    this.files = answer.apply(({ result }) => result.files);
    this.registerOutputs({ version: this.version, files: this.files });
  }
}
