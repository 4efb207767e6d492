import { resolve, sep } from "node:path";

import { displayPath, inProject } from "../host/project";
import type { ImageSpec } from "../plan/imageSpec";

/** What two images of one stack cannot both have: a folder of releases, and a port of this machine. By the place of the second. */
export const apartProblems = (images: readonly ImageSpec[]): [place: string, problem: string][] =>
  images.flatMap((image, index) =>
    images.flatMap((other) =>
      other === image ? [] : pairProblems(image, other, index < images.indexOf(other)),
    ),
  );

const outputOf = ({ path }: ImageSpec) => resolve(inProject(path), "output");

/** @param isFirst whether the image comes first, so that what concerns both alike is told of the other */
function pairProblems(image: ImageSpec, other: ImageSpec, isFirst: boolean): [string, string][] {
  const found: [string, string][] = [];
  const [own, its] = [outputOf(image), outputOf(other)];
  const at = (setting: string) => `images.${image.name}.${setting}`;
  if (own === its && !isFirst) {
    found.push([
      at("path"),
      `${displayPath(own)} has the releases of ${other.name} already; give each a folder of its own`,
    ]);
  } else if (own.startsWith(its + sep)) {
    found.push([
      at("path"),
      `${displayPath(own)} lies in the release of ${other.name} at ${displayPath(its)}`,
    ]);
  }
  image.publish.forEach(({ destination }, index) => {
    if (!("folder" in destination)) return;
    const folder = resolve(inProject(destination.folder));
    if (folder !== its && !folder.startsWith(its + sep)) return;
    found.push([
      at(`publish[${index}]`),
      `${displayPath(folder)} lies in the release of ${other.name} at ${displayPath(its)}`,
    ]);
  });
  if (image.vnc !== null && image.vnc === other.vnc && !isFirst) {
    found.push([
      at("vnc"),
      `the screen of ${other.name} is at port ${image.vnc} already, and both may be built at one time`,
    ]);
  }
  return found;
}
