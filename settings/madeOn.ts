import type { ImageSpec } from "../plan/imageSpec";
import { formatSize } from "../plan/units";
import { suggest } from "./suggest";

/** Of a system that another stack has installed. */
const NOT_KNOWN = { kernel: null, suite: null, snapshot: null, refreshAfter: null } as const;

/**
 * Puts images behind those that they are made on, and gives them what comes from there.
 *
 * @param names of all images, also of those whose settings are wrong otherwise
 * @param ownOf the settings that an image has itself
 * @returns also what is wrong, by the place in the setting `images`; images of a circle are left out
 */
export function onTheirBases(
  images: readonly ImageSpec[],
  names: readonly string[],
  ownOf: (image: ImageSpec) => readonly string[],
): {
  readonly images: readonly ImageSpec[];
  readonly problems: [place: string, problem: string][];
} {
  const problems: [string, string][] = [];
  const byName = new Map(images.map((image) => [image.name, image]));
  const done = new Map<string | null, ImageSpec>();
  const place = (image: ImageSpec, path: readonly string[]): void => {
    const { name, on } = image;
    if (done.has(name)) return;
    const at = (setting: string) => (name === null ? setting : `images.${name}.${setting}`);
    if (image.onRelease) return void done.set(name, { ...image, ...NOT_KNOWN });
    if (on === null) return void done.set(name, image);
    if (path.includes(name!)) {
      const circle = [...path.slice(path.indexOf(name!)), name].join(" on ");
      problems.push([
        at("from"),
        ownOf(image).includes("from")
          ? `${circle} is a circle; one of them has to begin with something else`
          : `${circle} is a circle, by the from outside of images; write "from: {}" in ${name} for the template's own installation`,
      ]);
      return;
    }
    const below = byName.get(on);
    if (!below) {
      // one that is there and wrong otherwise is told as that
      if (!names.includes(on)) problems.push([at("from"), unknown(on, names, name)]);
      return;
    }
    place(below, [...path, name!]);
    const base = done.get(on);
    if (!base) return;
    const own = ownOf(image);
    // what it does not say itself is as much as it needs
    const least = own.includes("diskSize") ? 0 : base.diskBytes;
    const fitting = { ...image, diskBytes: Math.max(image.diskBytes, least) };
    for (const [setting, text] of misfits(fitting, base)) problems.push([at(setting), text]);
    const { kernel, suite } = base;
    done.set(name, { ...fitting, kernel, suite, snapshot: null, refreshAfter: null });
  };
  for (const image of images) place(image, []);
  return { images: [...done.values()], problems };
}

function unknown(on: string, names: readonly string[], name: string | null): string {
  if (name === null) return `{image: ${on}} is for a stack of several images (setting images)`;
  const others = names.filter((other) => other !== name);
  const meant = suggest(on, others);
  const known = others.length > 0 ? `there are ${others.join(", ")}` : "there is no other";
  return `there is no image "${on}" in this stack; ${meant ? `did you mean ${meant}` : known}`;
}

/** What an image cannot have otherwise than the one that it is made on. */
function misfits(image: ImageSpec, base: ImageSpec): [string, string][] {
  const found: [string, string][] = [];
  if (image.template.folder !== base.template.folder) {
    found.push([
      "template",
      `it is made on ${base.name}, so its template is ${base.template.name}`,
    ]);
  }
  if (image.diskBytes < base.diskBytes) {
    found.push(["diskSize", lessThanBelow(image.diskBytes, base.name!, base.diskBytes)]);
  }
  return found;
}

/** Of a disk's size, in bytes. */
export function lessThanBelow(bytes: number, below: string, belowBytes: number): string {
  const [size, least] = [bytes, belowBytes].map(formatSize);
  return `${size} is less than the disk of ${below}, on which it is made, has: ${least}`;
}
