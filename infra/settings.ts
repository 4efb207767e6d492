import { join } from "node:path";

import type { ImageSpec } from "../plan/imageSpec";
import { counted } from "../plan/units";
import { contradictions } from "./settings/contradictions";
import { credentialProblems, takeCredentials } from "./settings/credentials";
import { missingSha256 } from "./settings/medium";
import { PROGRAM } from "./settings/own";
import { takeSecrets } from "./settings/secrets";
import { schema, SETTING_NAMES } from "./settings/schema";
import { suggest } from "./settings/suggest";

/** Every wrong setting of a run, so that they can be mended at once. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly string[]) {
    const count = counted(problems.length, "setting is", "settings are");
    super([`${count} wrong:`, ...problems.map((problem) => `  ${problem}`)].join("\n"));
  }
}

/**
 * Makes an image's description of a stack's settings.
 *
 * @param values the settings by name, without namespace; numbers and lists may come as text, as Pulumi hands them over. One that
 *   is absent has its default
 * @param project the project's name in Pulumi.yaml, which is the namespace of the settings
 * @param earlier what was found wrong with the same configuration before, to be told with the rest
 * @param builds whether something is to be built of them, so that the secrets of steps have to be there
 * @throws SettingsError that names every wrong setting and what is allowed
 */
export function parseSettings(
  values: Readonly<Record<string, unknown>>,
  stack: string,
  project: string = PROGRAM,
  earlier: readonly string[] = [],
  builds = true,
): ImageSpec {
  const full = (name: string) => `${project}:${name}`;
  const problems = [...earlier, ...unknownSettings(values, full)];
  const result = schema.safeParse(values);
  for (const { path, message } of result.error?.issues ?? []) {
    const [name, ...rest] = path;
    const place = rest.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
    problems.push(`${full(String(name))}${place.join("")}: ${message}`);
  }
  problems.push(...contradictions(values).map(([place, text]) => `${full(place)}: ${text}`));
  if (!result.success) throw new SettingsError(problems);
  const { diskSize, memory, isoPath, isoUrls, isoSha256, ...others } = result.data;
  const path = others.path ?? `build/${stack}`;
  const { credentials, rest } = takeCredentials(others);
  problems.push(...credentialProblems(credentials, full));
  const { secrets, problems: unset } = takeSecrets(rest.secrets, rest.provision, full);
  if (builds) problems.push(...unset);
  const { medium } = rest.template;
  const file = medium && (isoPath ?? join(path, "os", medium.iso));
  if (medium && !isoSha256)
    problems.push(missingSha256(rest.template, medium, file!, isoUrls, full));
  if (problems.length > 0) throw new SettingsError(problems);
  return {
    ...rest,
    secrets,
    architecture: "amd64",
    path,
    iso: file === null ? null : { path: file, urls: isoUrls, sha256: isoSha256! },
    credentials,
    diskBytes: diskSize,
    memoryMiB: Math.floor(memory / 2 ** 20),
  };
}

function unknownSettings(
  values: Readonly<Record<string, unknown>>,
  full: (name: string) => string,
): string[] {
  const known: readonly string[] = SETTING_NAMES;
  return Object.keys(values)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = suggest(name, known);
      const hint = meant ? `did you mean ${full(meant)}` : 'README.md lists all under "Settings"';
      return `${full(name)} is not a setting; ${hint}`;
    });
}
