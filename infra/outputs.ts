import { resolve } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import type { Publication } from "../components/publication";
import type { Release } from "../components/release";
import { projectFolder } from "../host/project";
import { type ImageOutputs, imageOutputs, type LibvirtOutputs } from "../plan/outputs";

/** Each of an image's outputs as one of its own. */
export type DeclaredOutputs = {
  readonly [Name in keyof Required<ImageOutputs>]: pulumi.Output<Required<ImageOutputs>[Name]>;
};

/** What was published at one place. */
interface Published extends Pick<Publication, "version" | "files"> {
  /** Of the place. */
  readonly name: string;
}

/**
 * An image's outputs: its facts with absolute paths. They lead to where it was released, so that they do not move when
 * another clone of the stack runs and changes nothing.
 */
export function outputsOf(
  { facts, folder }: Pick<Release, "facts" | "folder">,
  publications: readonly Published[],
  libvirt?: pulumi.Output<LibvirtOutputs>,
): DeclaredOutputs {
  const all = pulumi.all([facts, folder]).apply(([released, from]) =>
    // a state of an earlier version does not tell the folder
    imageOutputs(released, (path) => resolve(from ?? projectFolder, path)),
  );
  return {
    imagePath: all.imagePath,
    imageSha256: all.imageSha256,
    imageBytes: all.imageBytes,
    imageVirtualBytes: all.imageVirtualBytes,
    conversions: all.conversions,
    smoke: libvirt
      ? pulumi.all([all.smoke, libvirt]).apply(([smoke, guest]) => ({ ...smoke, libvirt: guest }))
      : all.smoke,
    accelerator: all.accelerator,
    imageId: all.imageId,
    imageVersion: all.imageVersion,
    buildId: all.buildId,
    builderImageId: all.builderImageId,
    manifestPath: all.manifestPath,
    reportPath: all.reportPath,
    publications: pulumi.output(
      Object.fromEntries(
        publications.map(({ name, version, files }) => [name, { version, files }]),
      ),
    ),
    key: all.key,
  };
}
