import type { ImageSpec } from "../plan/imageSpec";
import { apartProblems } from "./apart";
import { parseImage, type Problem } from "./image";
import { imageBelow, imageNameProblem } from "./images";
import { onTheirBases } from "./madeOn";
import { platformProblems } from "./platforms";

/** An image of the same program. */
export interface OtherImage {
  readonly spec: ImageSpec;
  /** Its arguments. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Makes an image's description of a component's arguments.
 *
 * @param values those that are given, by name
 * @param others images of the same program whose arguments were read before, the one that this is made on among them
 * @returns no description where something is wrong, and everything that is
 */
export function parseArguments(
  name: string,
  values: Readonly<Record<string, unknown>>,
  stack: string,
  others: readonly OtherImage[],
): { readonly spec?: ImageSpec; readonly problems: readonly Problem[] } {
  const unnamed = imageNameProblem(name);
  const { images, ...own } = values;
  const on = imageBelow({ values: own });
  const below = others.find(({ spec }) => spec.name === on);
  const inherited = below?.values.template === undefined ? {} : { template: below.values.template };
  const parsed = parseImage(
    { name, values: { ...inherited, ...own }, own, placeOf: (place) => place },
    stack,
    null,
    true,
  );
  const problems: Problem[] = [
    ...(unnamed === undefined ? [] : [["name", unnamed] as const]),
    ...(images === undefined ? [] : [["images", "is no argument of an image"] as const]),
    ...parsed.problems,
  ];
  if (!parsed.spec) return { problems };
  const specs = others.map(({ spec }) => spec);
  const based = onTheirBases(
    [...specs, parsed.spec],
    [...specs, parsed.spec].flatMap(({ name }) => name ?? []),
    (image) => (image.name === name ? Object.keys(own) : DECIDED),
  );
  const spec = based.images.find((image) => image.name === name);
  const beside = spec ? apartProblems([...specs, spec]) : [];
  problems.push(
    ...[...based.problems, ...beside].flatMap(([place, text]) => ownProblem(name, place, text)),
    ...(spec ? platformProblems(spec).map((text) => ["runsOn", text] as const) : []),
  );
  return spec && problems.length === 0 ? { spec, problems } : { problems };
}

/** What the others have need not be found again. */
const DECIDED = ["diskSize"];

/** A problem that stands in a stack's setting `images`, if it is this image's. */
function ownProblem(name: string, place: string, text: string): Problem[] {
  const own = `images.${name}.`;
  return place.startsWith(own) ? [[place.slice(own.length), text]] : [];
}
