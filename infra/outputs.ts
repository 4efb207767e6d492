import { resolve } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import type { Publication } from "../components/publication";
import type { Release } from "../components/release";
import { projectFolder } from "../host/project";
import type { LibvirtOutputs, ImageOutputs } from "../plan/outputs";

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
  const here = pulumi.all([facts, folder]);
  // a state of an earlier version does not tell the folder
  const absolute = (path: string, from = projectFolder) => resolve(from, path);
  const path = (name: "imagePath" | "manifestPath" | "reportPath") =>
    here.apply(([all, from]) => absolute(all[name], from));
  const conversions = here.apply(([all, from]) =>
    Object.fromEntries(
      Object.entries(all.conversions).map(([name, file]) => [
        name,
        { ...file, path: absolute(file.path, from) },
      ]),
    ),
  );
  return {
    imagePath: path("imagePath"),
    imageSha256: facts.apply(({ imageSha256 }) => imageSha256),
    imageBytes: facts.apply(({ imageBytes }) => imageBytes),
    imageVirtualBytes: facts.apply(({ imageVirtualBytes }) => imageVirtualBytes),
    conversions,
    smoke: libvirt
      ? pulumi.all([facts, libvirt]).apply(([{ smoke }, guest]) => ({ ...smoke, libvirt: guest }))
      : facts.apply(({ smoke }) => smoke),
    accelerator: facts.apply(({ accelerator }) => accelerator),
    imageId: facts.apply(({ imageId }) => imageId),
    imageVersion: facts.apply(({ imageVersion }) => imageVersion),
    buildId: facts.apply(({ buildId }) => buildId),
    builderImageId: facts.apply(({ builderImageId }) => builderImageId),
    manifestPath: path("manifestPath"),
    reportPath: path("reportPath"),
    publications: pulumi.output(
      Object.fromEntries(
        publications.map(({ name, version, files }) => [name, { version, files }]),
      ),
    ),
    key: facts.apply(({ key }) => key),
  };
}
