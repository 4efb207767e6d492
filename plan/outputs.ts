import type { ResultOf } from "./stages/contract";
import type { publish } from "./stages/publish";
import type { release } from "./stages/release";

/** Names of the volumes in the pool that belong to such a guest. */
export interface LibvirtVolumes {
  /** The copy of the image. */
  readonly image: string;
  /** What the guest writes over it. */
  readonly overlay: string;
  /** What the guest writes on its serial console. */
  readonly serial: string;
}

/** The guest that stays defined under libvirt, by which another program finds it. */
export interface LibvirtOutputs {
  /** Of the daemon. */
  readonly uri: string;
  /** The guest's name there. */
  readonly domain: string;
  /** The storage pool of its volumes. */
  readonly pool: string;
  /** What they are called in it. */
  readonly volumes: LibvirtVolumes;
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

/**
 * An image's outputs, of what its release tells.
 *
 * @param absolute makes a path of it an absolute one
 */
export function imageOutputs(
  released: ResultOf<typeof release>,
  absolute: (path: string) => string,
): ImageOutputs {
  const { imagePath, manifestPath, reportPath, conversions } = released;
  return {
    imagePath: absolute(imagePath),
    imageSha256: released.imageSha256,
    imageBytes: released.imageBytes,
    imageVirtualBytes: released.imageVirtualBytes,
    conversions: Object.fromEntries(
      Object.entries(conversions).map(([name, file]) => [
        name,
        { ...file, path: absolute(file.path) },
      ]),
    ),
    smoke: released.smoke,
    accelerator: released.accelerator,
    imageId: released.imageId,
    imageVersion: released.imageVersion,
    buildId: released.buildId,
    builderImageId: released.builderImageId,
    manifestPath: absolute(manifestPath),
    reportPath: absolute(reportPath),
    key: released.key,
  };
}
