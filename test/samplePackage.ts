import type { PackageList } from "../plan/packages";

/** A package of an image, as the check lists it; `more`: what of it is another than its binary package's. */
export const samplePackage = (
  name: string,
  version: string,
  more: object = {},
): PackageList["packages"][number] => ({
  ...{ name, version, architecture: "amd64", source: name, sourceVersion: version },
  ...{ license: null, homepage: null, installedBytes: 2048, ...more },
});
