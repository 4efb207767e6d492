import { SETTING_NAMES } from "./schema";
import { suggest } from "./suggest";

/** The namespace of the settings in this repository's own stacks. */
export const PROGRAM = "kragle";

export interface OwnSettings<T> {
  /** By name, without namespace. */
  readonly values: Readonly<Record<string, T>>;
  /** What nobody would read although it was meant for kragle. */
  readonly problems: readonly string[];
}

/**
 * Takes kragle's settings out of a stack's whole configuration. They stand in the namespace of the project, as everything that a
 * Pulumi program reads by default; other namespaces belong to providers and are left alone.
 *
 * @param config by key, `namespace:name`
 * @param project the project's name in Pulumi.yaml
 */
export function ownSettings<T>(
  config: Readonly<Record<string, T>>,
  project: string,
): OwnSettings<T> {
  const values: [string, T][] = [];
  const problems: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    const [namespace, name] = [
      key.slice(0, key.indexOf(":")),
      key.slice(key.indexOf(":") + 1),
    ] as const;
    if (namespace === project) values.push([name, value]);
    else if (namespace === PROGRAM) {
      problems.push(
        `${key} is not read: Pulumi.yaml calls this project ${project}; write ${project}:${name}`,
      );
    } else {
      const meant = suggest(name, SETTING_NAMES);
      if (meant && suggest(namespace, [project])) {
        problems.push(`${key} is not read; did you mean ${project}:${meant}`);
      }
    }
  }
  // fromEntries keeps a key such as __proto__ a key
  return { values: Object.fromEntries(values), problems };
}
