import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { SettingsError } from "../infra/settings";
import { CREDENTIAL_NAMES } from "../plan/imageSpec";
import { projectFolder } from "../host/project";

export interface StackSettings {
  /** By name without the prefix `kragle:`, defaults filled in. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Names whose values are encrypted in the stack's file. */
  readonly secretNames: readonly string[];
}

/** The stacks that have a configuration file. */
export function stackNames(): string[] {
  return readdirSync(projectFolder)
    .map((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1])
    .filter((name): name is string => name !== undefined)
    .sort();
}

/**
 * Reads a stack's settings as Pulumi would: the project's defaults, then the stack's file.
 *
 * @throws SettingsError where the stack is unknown or its file cannot be understood
 */
export function readStackSettings(stack: string): StackSettings {
  const file = join(projectFolder, `Pulumi.${stack}.yaml`);
  if (!existsSync(file)) {
    throw new SettingsError([
      `stack "${stack}" is unknown, there is no Pulumi.${stack}.yaml; known are ${stackNames().join(", ")}`,
    ]);
  }
  const project = readYaml(join(projectFolder, "Pulumi.yaml")) as {
    config: Record<string, { default?: unknown }>;
  };
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(project.config)
      .filter(([, { default: value }]) => value !== undefined)
      .map(([name, { default: value }]) => [name, value]),
  );
  const given: [string, unknown][] = [];
  const secretNames: string[] = [];
  const document = readYaml(file) ?? {};
  const config = isMap(document) ? (document.config ?? {}) : undefined;
  if (!isMap(config)) {
    throw new SettingsError([
      `Pulumi.${stack}.yaml: config must be a list of "kragle:name: value"`,
    ]);
  }
  for (const [key, value] of Object.entries(config)) {
    if (!key.startsWith("kragle:")) continue;
    const name = key.slice("kragle:".length);
    if (!isSecret(value)) given.push([name, value]);
    else secretNames.push(name);
    // that there is one is known, and enough for everything that this process does with it
    if (isSecret(value) && isCredential(name)) given.push([name, "(encrypted)"]);
  }
  // fromEntries keeps a key such as __proto__ a key
  return { values: Object.fromEntries([...Object.entries(values), ...given]), secretNames };
}

function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new SettingsError([`${file}: ${(error as Error).message}`]);
  }
}

const isCredential = (name: string) => (CREDENTIAL_NAMES as readonly string[]).includes(name);

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSecret = (value: unknown) =>
  typeof value === "object" && value !== null && "secure" in value;
