import type { ImageSpec, StackSpec } from "../plan/imageSpec";
import { counted } from "../plan/units";
import { apartProblems } from "./apart";
import { givenSettings, parseImage } from "./image";
import { imageSettings } from "./images";
import { onTheirBases } from "./madeOn";
import { keyIn } from "./namespace";
import { PROGRAM } from "./own";
import { platformProblems } from "./platforms";
import { schema } from "./schema";
import { toRun } from "./toRun";

/** Every wrong setting of a run, so that they can be mended at once. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly string[]) {
    const count = counted(problems.length, "setting is", "settings are");
    super([`${count} wrong:`, ...problems.map((problem) => `  ${problem}`)].join("\n"));
  }
}

/**
 * Makes a stack's description of its settings.
 *
 * @param values the settings by name, without namespace; numbers and lists may come as text, as Pulumi hands them over. One that
 *   is absent has its default
 * @param project the project's name in Pulumi.yaml, which is the namespace of the settings
 * @param earlier what was found wrong with the same configuration before, to be told with the rest
 * @param builds whether something is to be built of them, so that the secrets of steps have to be there
 * @throws SettingsError that names every wrong setting and what is allowed
 */
export function parseStack(
  values: Readonly<Record<string, unknown>>,
  stack: string,
  project: string = PROGRAM,
  earlier: readonly string[] = [],
  builds = true,
): StackSpec {
  const full = keyIn(project);
  const { images, problems } = imageSettings(values);
  const found = [...earlier, ...problems.map(([place, text]) => `${full(place)}: ${text}`)];
  const parsed = images.map((image) => {
    const { spec, problems } = parseImage(image, stack, project, builds);
    found.push(...problems.map(([place, text]) => `${full(place)}: ${text}`));
    return { image, spec };
  });
  const whole = schema.shape.timeouts.safeParse(values.timeouts).data?.whole;
  const specs = parsed.flatMap(({ spec }) =>
    spec && whole !== undefined ? [{ ...spec, timeouts: { ...spec.timeouts, whole } }] : [],
  );
  const names = images.flatMap(({ name }) => name ?? []);
  const given = new Map(images.map((image) => [image.name, image]));
  const ownOf = ({ name }: ImageSpec) => givenSettings(given.get(name)!);
  const based = onTheirBases(specs, names, ownOf);
  const runsOn = images.flatMap((image) => {
    const spec = based.images.find(({ name }) => name === image.name) ?? toRun(image);
    const wrong = spec ? platformProblems(spec) : [];
    return wrong.map((text): [string, string] => [image.placeOf("runsOn"), text]);
  });
  const beside = [...based.problems, ...runsOn, ...apartProblems(specs)];
  found.push(...beside.map(([place, text]) => `${full(place)}: ${text}`));
  // a flat setting that is wrong is so for each image that does not have its own
  if (found.length > 0) throw new SettingsError([...new Set(found)]);
  return { images: based.images };
}

/**
 * The same for a stack of one image, by flat settings.
 *
 * @throws SettingsError
 */
export function parseSettings(...given: Parameters<typeof parseStack>): ImageSpec {
  const { images } = parseStack(...given);
  return images[0]!;
}
