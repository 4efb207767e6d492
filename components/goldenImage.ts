import * as pulumi from "@pulumi/pulumi";

/** One image of a stack that has several: what its components lie in, with the image's outputs as its own. */
export class GoldenImage extends pulumi.ComponentResource {
  /** @param name what the stack calls the image, such as "web" */
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super(GOLDEN_IMAGE, name, {}, opts);
  }

  /** Tells the image's outputs, when everything of it is declared. */
  give(outputs: Record<string, pulumi.Input<unknown>>): void {
    this.registerOutputs(outputs);
  }
}

/** By which an engine's events tell an image's outputs. */
export const GOLDEN_IMAGE = "kragle:index:GoldenImage";
