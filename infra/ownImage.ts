import type { PlannedImage } from "../preview/plan";
import { type DeclaredImage, declareImage, type ImageSurroundings } from "./declareImage";
import { GoldenImage } from "./goldenImage";
import type { GoldenImageArgs } from "./goldenImageArgs";
import type { DeclaredOutputs } from "./outputs";

/** An image of this repository's own program, which plans all of its images together. */
export class OwnImage extends GoldenImage {
  readonly declared: DeclaredImage;

  constructor(
    name: string,
    args: GoldenImageArgs,
    planned: PlannedImage,
    around: Omit<ImageSurroundings, "parent">,
  ) {
    super(name, args);
    this.declared = declareImage(planned, { ...around, parent: this });
  }

  protected override async initialize(): Promise<DeclaredOutputs> {
    // the constructor goes on meanwhile
    await Promise.resolve();
    const { outputs } = this.declared;
    this.registerOutputs(outputs);
    return outputs;
  }
}
