import { EXIT, StageFailure } from "../host/failure";
import { stackNames } from "../host/project";
import type { ImageSpec, StackSpec } from "../plan/imageSpec";
import { imageBelow, type ImageSettings } from "../settings/images";
import { suggest } from "../settings/suggest";

/** The images of a stack as a command line names them. */

/**
 * Names of images that are wanted, with those that they are made on.
 *
 * @param names as they were given; none for all
 * @returns undefined for all
 * @throws StageFailure (exit code 2) with the names that there are
 */
export function wantedImages(
  { images }: StackSpec,
  stack: string,
  names: readonly string[],
): ReadonlySet<string> | undefined {
  if (names.length === 0) return undefined;
  const wanted = new Set<string>();
  const add = (name: string | null) => {
    if (name === null || wanted.has(name)) return;
    wanted.add(name);
    add(images.find((image) => image.name === name)!.on);
  };
  for (const name of names) add(requireName(namesOf(images), stack, name));
  return wanted;
}

/**
 * The image that is meant where one is wanted.
 *
 * @param name as it was given; undefined for the only one
 * @throws StageFailure (exit code 2) with the names that there are
 */
export function oneImage(
  { images }: StackSpec,
  stack: string,
  name: string | undefined,
): ImageSpec {
  const names = namesOf(images);
  const wanted = name === undefined ? onlyName(names, stack) : requireName(names, stack, name);
  return images.find((image) => image.name === wanted) ?? images[0]!;
}

/**
 * The image that the first of two words names, and the other word. A single one that names none is that other word.
 *
 * @throws StageFailure (exit code 2) where there are two, and the first names no image
 */
export function imageFirst(
  images: readonly Named[],
  stack: string,
  first: string | undefined,
  second: string | undefined,
): { readonly image: string | undefined; readonly word: string | undefined } {
  const names = namesOf(images);
  if (first === undefined || (second === undefined && !names.includes(first))) {
    return { image: undefined, word: first };
  }
  return { image: requireName(names, stack, first), word: second };
}

type Named = Pick<ImageSpec, "name">;

/** None for a stack of the flat form. */
export const namesOf = (images: readonly Named[]) => images.flatMap(({ name }) => name ?? []);

/** Which image of the stack one of a name is made on, by these settings. */
export const belowBySettings =
  (images: readonly ImageSettings[]) =>
  (name: string): string | undefined => {
    const settings = images.find((image) => image.name === name);
    return settings && imageBelow(settings);
  };

/** @returns null for a stack of the flat form. @throws StageFailure (exit code 2) where there are several */
export function onlyName(names: readonly string[], stack: string): string | null {
  if (names.length <= 1) return names[0] ?? null;
  throw new StageFailure(`stack ${stack} has several images: ${names.join(", ")}`, {
    hint: "name the one that is meant",
    exitCode: EXIT.wrongSettings,
  });
}

/** @throws StageFailure (exit code 2) with the names that there are */
export function requireName(names: readonly string[], stack: string, given: string): string {
  if (names.includes(given)) return given;
  const meant = suggest(given, names);
  const other = suggest(given, stackNames());
  const next = meant ? `did you mean ${meant}? ` : other ? `did you mean -s ${other}? ` : "";
  const known =
    names.length > 0
      ? `its images are ${names.join(", ")}`
      : "it has one image, which has no name (setting images)";
  throw new StageFailure(`stack ${stack} has no image "${given}"`, {
    hint: `${next}${known}`,
    exitCode: EXIT.wrongSettings,
  });
}
