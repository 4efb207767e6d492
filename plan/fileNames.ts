import type { Conversion } from "./formats";

/** What the image's file is called under PATH/output where the setting `imageName` says nothing; so since the original recipe. */
export const IMAGE_NAME = "packer-kragle-qcow2";

/** What the names of conversions begin with: they follow the image's. */
const stemOf = (imageName: string) =>
  imageName === IMAGE_NAME ? "kragle" : imageName.replace(/\.(qcow2|img)$/i, "");

/** What a conversion is called under PATH/output, such as "kragle.raw", or "web-1.4.raw" beside "web-1.4.qcow2". */
export const releasedName = ({ file, fileName }: Conversion, imageName: string): string =>
  file ?? fileName.replace(/^kragle(?=\.)/, stemOf(imageName));

/** Where a conversion's disk lies in the store, and what it is called under PATH/output. */
export interface Renamed {
  readonly stored: string;
  readonly fileName: string;
}

/**
 * What a file of a conversion is called under PATH/output: the disk itself, or the block map beside a raw.zst, which is named like the
 * disk that it describes.
 *
 * @param path its name in the store
 */
export function nameBeside(path: string, { stored, fileName }: Renamed): string {
  const disk = (name: string) => name.replace(/\.zst$/, "");
  return path === stored ? fileName : disk(fileName) + path.slice(disk(stored).length);
}

/** The names of all files that a conversion gets under PATH/output. */
export function releasedNames(conversion: Conversion, imageName: string): string[] {
  const { fileName: stored, format } = conversion;
  const renamed = { stored, fileName: releasedName(conversion, imageName) };
  const map = format === "raw.zst" ? [nameBeside("kragle.raw.bmap", renamed)] : [];
  return [renamed.fileName, ...map];
}
