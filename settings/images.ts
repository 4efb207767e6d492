import { z } from "zod";

import { IDENTIFIER } from "../plan/imageIdentity";
import { CREDENTIAL_NAMES, type StackRelease } from "../plan/imageSpec";
import { optional, quote, structured } from "./values";

type Values = Readonly<Record<string, unknown>>;

/** The setting `images`, as far as editors are told; {@link imageSettings} reads it. */
export const imagesByName = optional(
  structured(z.record(z.string(), z.record(z.string(), z.unknown()))),
);

/** What one image of a stack is set to. */
export interface ImageSettings {
  /** What the stack calls it; null where it is the only one, by flat settings. */
  readonly name: string | null;
  /** By name: its own, and where it has none those of the image that it is made on (the template), and the flat ones. */
  readonly values: Values;
  /** Its own alone; null where all are flat. */
  readonly own: Values | null;
  /** Where a setting stands, or a part of it such as "formats[1]". */
  readonly placeOf: (place: string) => string;
}

/** Settings of the whole stack: what builds all images, and what they share. */
const OF_STACK: readonly string[] = [
  "images",
  ...["builderImage", "baseImage", "packer", "packageCache", "secrets"],
  ...CREDENTIAL_NAMES,
];

/** Also the first part of roots and resources, a folder, and by default what the image says it is. */
const NAME = /^[a-z][a-z0-9-]*$/;
const LONGEST = 40;
/** Where an image of the flat form is released, so that the folder of no other may be called so. */
const TAKEN = "output";

const EXAMPLE = '{"web": {"diskSize": "6 GiB"}, "db": {}}';

/**
 * The settings of each image of a stack, in their order.
 *
 * @param values all settings, by name
 * @returns also what is wrong with the setting `images` itself, by its place
 */
export function imageSettings(values: Values): {
  readonly images: readonly ImageSettings[];
  readonly problems: readonly [place: string, problem: string][];
} {
  const { images: given, ...flat } = values;
  const map = asMap(given);
  if (map === undefined) {
    const image = { name: null, values: flat, own: null, placeOf: (place: string) => place };
    return { images: [image], problems: [] };
  }
  if (map === null) {
    return {
      images: [],
      problems: [["images", `is no map; write names and settings, as in ${EXAMPLE}`]],
    };
  }
  const entries = Object.entries(map);
  if (entries.length === 0) {
    const problem = `names no image; write names and settings, as in ${EXAMPLE}, or take it out for one image`;
    return { images: [], problems: [["images", problem]] };
  }
  const problems: [string, string][] = [];
  const images = entries.flatMap(([name, settings]): ImageSettings[] => {
    const place = `images.${name}`;
    const wrong = imageNameProblem(name);
    if (wrong !== undefined) problems.push([place, wrong]);
    // a name with nothing behind it is null in YAML: every setting is a flat one
    const own = asMap(settings ?? {});
    if (!own) {
      problems.push([
        place,
        `${quote(settings)} is not allowed; write settings by name, as in ${EXAMPLE}`,
      ]);
      return [];
    }
    for (const setting of Object.keys(own)) {
      const problem = ofStackProblem(setting, own[setting]);
      if (problem !== undefined) problems.push([`${place}.${setting}`, problem]);
    }
    const below = withTemplate(name, map, flat);
    const placeOf = (at: string) => {
      const setting = /^[^.[]*/.exec(at)![0];
      if (Object.hasOwn(own, setting)) return `${place}.${at}`;
      return setting === "template" && below ? `images.${below.name}.${at}` : at;
    };
    const inherited = below ? { template: below.template } : {};
    return [{ name, values: { ...flat, ...inherited, ...own }, own, placeOf }];
  });
  return { images, problems };
}

/** The image of the stack that one is made on by its settings; undefined for none, and for what is no name. */
export const imageBelow = ({ values }: Pick<ImageSettings, "values">): string | undefined =>
  imageIn(values.from);

/** What another stack has released that one is made on by its settings; undefined for none. */
export function stackBelow({ values }: ImageSettings): Omit<StackRelease, "kind"> | undefined {
  const { image, stack } = asMap(values.from) ?? {};
  if (typeof stack !== "string") return undefined;
  return { stack, image: typeof image === "string" ? image : null };
}

/** One that another stack has released is none of this stack. */
function imageIn(from: unknown): string | undefined {
  const { image, stack } = asMap(from) ?? {};
  return typeof image === "string" && stack === undefined ? image : undefined;
}

/** The image whose own template one has: itself, or one that it is made on; undefined where it is the flat one. */
function withTemplate(
  name: string,
  map: Values,
  flat: Values,
  path: readonly string[] = [],
): { readonly name: string; readonly template: unknown } | undefined {
  const own = asMap(map[name] ?? {});
  // a circle, and an image that there is not, are told elsewhere
  if (!own || path.includes(name)) return undefined;
  if (Object.hasOwn(own, "template")) return { name, template: own.template };
  const on = imageIn(own.from ?? flat.from);
  return on === undefined ? undefined : withTemplate(on, map, flat, [...path, name]);
}

/** @returns undefined for nothing, null for what is no map */
function asMap(given: unknown): Values | null | undefined {
  if (given === undefined || given === null || given === "") return undefined;
  if (typeof given === "string") {
    try {
      return asMap(JSON.parse(given) as unknown) ?? null;
    } catch {
      return null;
    }
  }
  return typeof given === "object" && !Array.isArray(given) ? (given as Values) : null;
}

/** What is wrong with the name of an image; undefined where nothing is. */
export function imageNameProblem(name: string): string | undefined {
  if (name === TAKEN) return `${quote(name)} is the name of a folder of kragle's own`;
  if (NAME.test(name) && IDENTIFIER.test(name) && name.length <= LONGEST) return undefined;
  return `${quote(name)} is no name of an image; small letters, digits and "-" are allowed, a letter first, at most ${LONGEST}`;
}

function ofStackProblem(setting: string, value: unknown): string | undefined {
  if (OF_STACK.includes(setting)) return "is one of the whole stack; write it outside of images";
  const whole = setting === "timeouts" && asMap(value)?.whole !== undefined;
  return whole ? "whole is the time of a whole run; write it outside of images" : undefined;
}
