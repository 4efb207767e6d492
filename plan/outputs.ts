import type { ResultOf } from "./stages/contract";
import type { publish } from "./stages/publish";
import type { release } from "./stages/release";

/** The guest that stays defined under libvirt, by which another program finds it. */
export interface LibvirtOutputs {
  readonly uri: string;
  readonly domain: string;
  readonly pool: string;
  /** Their names in the pool. */
  readonly volumes: { readonly image: string; readonly overlay: string; readonly serial: string };
}

/** The outputs of an image, a contract with other programs: what was released, with absolute paths, and where it was copied to. */
export type ImageOutputs = Pick<
  ResultOf<typeof release>,
  | "imagePath"
  | "imageSha256"
  | "imageBytes"
  | "imageVirtualBytes"
  | "conversions"
  | "accelerator"
  | "imageId"
  | "imageVersion"
  | "buildId"
  | "builderImageId"
  | "manifestPath"
  | "reportPath"
  | "key"
> & {
  readonly smoke: ResultOf<typeof release>["smoke"] & {
    /** What stays defined where libvirt is the driver. */
    readonly libvirt?: LibvirtOutputs;
  };
  /** By name of the place; absent where the setting `publish` names none. */
  readonly publications?: Readonly<
    Record<string, Pick<ResultOf<typeof publish>, "version" | "files">>
  >;
};
