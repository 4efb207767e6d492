import * as pulumi from "@pulumi/pulumi";

import type { Reach } from "../plan/invocation";
import type { Planned, RequestOf, StageContract } from "../plan/stages/contract";

/** What a request to a stage below the image has that its component fills in. */
type OfImage = "toolsImage" | "imageKey";

/** What the stages below the image have in common: they belong to one file, named by the key of its stage. */
export interface ProofStageArgs<C extends StageContract> {
  stack: string;
  /** How commands reach kragle. */
  reach: Reach;
  /** What the stack calls the image; by default nothing, since it is the only one. */
  called?: string | null;
  /** What the image was called before: a resource keeps its place in the state. */
  formerly?: readonly string[];
  toolsImage: pulumi.Input<string>;
  imageKey: string;
  /** Known as soon as the image's content is known. */
  planned: Planned<C> | pulumi.Output<Planned<C>>;
  request: Omit<RequestOf<C>, OfImage>;
  /** See `StageCommandArgs.marker`. */
  marker: string | undefined;
}

/** The whole request: the stage's own part, and which file it is about. */
export const proofRequest = <C extends StageContract>({
  toolsImage,
  imageKey,
  request,
}: Pick<ProofStageArgs<C>, "toolsImage" | "imageKey" | "request">): pulumi.Output<RequestOf<C>> =>
  pulumi.output(toolsImage).apply<unknown>((tools) => ({
    ...(request as object),
    ...{ toolsImage: tools, imageKey },
  })) as pulumi.Output<RequestOf<C>>;
