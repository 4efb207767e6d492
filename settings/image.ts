import { join } from "node:path";

import { type ImageSpec, releaseName } from "../plan/imageSpec";
import { contradictions } from "./contradictions";
import { credentialProblems, registers, takeCredentials } from "./credentials";
import type { ImageSettings } from "./images";
import { missingSha256 } from "./medium";
import { keyIn, type Namespace } from "./namespace";
import { schema, SETTING_NAMES } from "./schema";
import { takeSecrets } from "./secrets";
import { suggest } from "./suggest";
import { isGiven } from "./warnings";

/** What is wrong with a setting, and where it stands, such as "formats[1]". */
export type Problem = readonly [place: string, text: string];

/**
 * Makes an image's description of its settings.
 *
 * @param namespace of the settings
 * @param builds whether something is to be built of them, so that the secrets of steps have to be there
 * @returns no description where a setting is wrong by itself, and everything that is
 */
export function parseImage(
  image: ImageSettings,
  stack: string,
  namespace: Namespace,
  builds: boolean,
): { readonly spec?: ImageSpec; readonly problems: readonly Problem[] } {
  const { name, values, own, placeOf } = image;
  const full = keyIn(namespace);
  const at = (place: string) => full(placeOf(place));
  const problems: Problem[] = [];
  const say = (...found: readonly Problem[]) =>
    problems.push(...found.map(([place, text]) => [placeOf(place), text] as const));
  say(...unknownSettings(values, at));
  const result = schema.safeParse(values);
  for (const { path, message } of result.error?.issues ?? []) {
    const [first, ...rest] = path;
    const place = rest.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
    say([`${String(first)}${place.join("")}`, message]);
  }
  say(...contradictions(values));
  // told with all others, and no obstacle to what is to be told of the rest
  const brought = broughtAlong(image).map(([place, text]) => [placeOf(place), text] as const);
  if (!result.success) return { problems: [...problems, ...brought] };
  const { images: _, diskSize, memory, isoPath, isoUrls, isoSha256, ...others } = result.data;
  const { credentials, rest } = takeCredentials(others);
  say(...credentialProblems(credentials, at));
  const { secrets, problems: unset } = takeSecrets(rest.secrets, rest.provision, namespace);
  if (builds) say(...unset);
  const path = rest.path ?? `build/${stack}`;
  const folder = name === null || own?.path !== undefined ? path : join(path, name);
  const begins = rest.from?.kind === "disk" ? rest.from : null;
  const on = rest.from?.kind === "image" ? rest.from.image : null;
  const onRelease = rest.from?.kind === "release" ? rest.from : null;
  if (onRelease?.stack === stack) {
    say(["from", `stack ${stack} is this one, ${OWN_STACK}`]);
  }
  const { medium } = on === null && onRelease === null ? rest.template : { medium: null };
  const file = medium && (isoPath ?? join(folder, "os", medium.iso));
  if (medium && !isoSha256) {
    say(["isoSha256", missingSha256(rest.template, medium, file!, isoUrls, at, namespace)]);
  }
  if (problems.length > 0) return { problems: [...problems, ...brought] };
  const spec: ImageSpec = {
    ...rest,
    ...{ name, on, onRelease, from: begins },
    secrets,
    architecture: "amd64",
    path: folder,
    imageId: rest.imageId ?? name,
    iso: file === null ? null : { path: file, urls: isoUrls, sha256: isoSha256! },
    // of several images, those of another system than Red Hat's need none
    credentials: name === null || registers(rest.template) ? credentials : {},
    diskBytes: diskSize,
    memoryMiB: Math.floor(memory / 2 ** 20),
  };
  return { spec, problems: brought };
}

/** The settings that an image has itself, or a stack of one image. */
export function givenSettings({ own, values }: ImageSettings): readonly string[] {
  if (own) return Object.keys(own);
  return SETTING_NAMES.filter((setting) => isGiven(setting, { values, secretNames: [] }));
}

/** Settings of the system's installation, which an image that is made on another one has from there. */
const OF_BASE = ["kernel", "suite", "snapshot", "refreshAfter", "isoPath", "isoUrls", "isoSha256"];

/** What it sets itself of that, by the place. */
function broughtAlong(image: ImageSettings): [string, string][] {
  const from = schema.shape.from.safeParse(image.values.from).data;
  if (!from || from.kind === "disk") return [];
  const below = from.kind === "image" ? from.image : `the release of ${releaseName(from)}`;
  const own = givenSettings(image);
  return OF_BASE.filter((name) => own.includes(name)).map((name) => [
    name,
    `it is made on ${below}, which brings the system; set it there`,
  ]);
}

const OWN_STACK =
  "which cannot begin with what it makes itself; name another stack, or with {image: NAME} an image of this one";

function unknownSettings(
  values: Readonly<Record<string, unknown>>,
  full: (name: string) => string,
): Problem[] {
  const known: readonly string[] = SETTING_NAMES;
  return Object.keys(values)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = suggest(name, known);
      // beside it
      const right = meant && full(name).slice(0, -name.length) + meant;
      const hint = right ? `did you mean ${right}` : 'README.md lists all under "Settings"';
      return [name, `is not a setting; ${hint}`];
    });
}
