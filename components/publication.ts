import * as pulumi from "@pulumi/pulumi";

import { describePublication, type PublicationDestination } from "../plan/publication";
import { answerOf, stageCommand } from "./stageCommand";

/** Arguments of {@link Publication}. */
export interface PublicationArgs {
  stack: string;
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

/** A file of a published version. */
export interface PublishedFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
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
    const { stack, destination, files = [], keep = 3, marker } = args;
    const publish = stageCommand(
      name,
      {
        stack,
        root: name,
        stage: "publish",
        description: pulumi
          .output(args.releaseKey)
          .apply((release) => describePublication(release, { destination, files })),
        // how many versions stay is no part of what is published: it applies from the next version on
        settings: pulumi.output(args.releaseKey).apply((releaseKey) => ({
          series: `${stack}-${name}`,
          ...{ releaseKey, files, destination, keep },
        })),
        marker,
      },
      { parent: this, dependsOn: args.release ? [args.release] : [] },
    );
    const facts = answerOf(publish).apply(({ result }) => result);
    this.version = facts.apply(({ version }) => String(version));
    this.files = facts.apply((all) => all.files as Record<string, PublishedFile>);
    this.registerOutputs({ version: this.version, files: this.files });
  }
}
