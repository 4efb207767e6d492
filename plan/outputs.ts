import type { ResultOf } from "./stages/contract";
import type { publish } from "./stages/publish";
import type { release } from "./stages/release";

/** The outputs of a stack, a contract with other programs: what was released, with absolute paths, and where it was copied to. */
export type StackOutputs = Pick<
  ResultOf<typeof release>,
  | "imagePath"
  | "imageSha256"
  | "imageBytes"
  | "imageVirtualBytes"
  | "conversions"
  | "smoke"
  | "accelerator"
  | "builderImageId"
  | "manifestPath"
  | "reportPath"
  | "key"
> & {
  /** By name of the place; absent where the setting `publish` names none. */
  readonly publications?: Readonly<
    Record<string, Pick<ResultOf<typeof publish>, "version" | "files">>
  >;
};
