import { existsSync } from "node:fs";
import { join } from "node:path";

import { otherDaemon } from "../executors/dockerEndpoint";
import { EXIT, StageFailure } from "../host/failure";
import { projectFolder, stackNames } from "../host/project";
import { isStackName } from "../plan/identity";
import { CREDENTIAL_NAMES, type StackSpec } from "../plan/imageSpec";
import { type ImageSettings, imageSettings } from "../settings/images";
import { ownSettings } from "../settings/own";
import {
  asEntries,
  configuration,
  type Entries,
  isEncrypted,
  readPulumiYaml,
} from "../settings/pulumiYaml";
import { ENCRYPTED } from "../settings/secrets";
import { parseStack, SettingsError } from "../settings/stack";
import { suggest } from "../settings/suggest";
import type { ReadSettings } from "../settings/warnings";
import { stackCircles } from "./stackCircle";

export interface StackSettings extends ReadSettings {
  /** What is wrong with the files themselves; told together with what is wrong with the values. */
  readonly problems: readonly string[];
}

/**
 * Reads a stack's settings and makes its description of them.
 *
 * @param builds whether something is to be built of them
 * @throws SettingsError that names everything that is wrong
 */
export function readStack(
  stack: string,
  builds = true,
): { settings: StackSettings; spec: StackSpec } {
  const settings = readStackSettings(stack);
  const { values, project, problems } = settings;
  const circles = stackCircles(stack, imageSettings(values).images, imagesOfStack);
  const found = [...problems, ...circles.map(([place, text]) => `${project}:${place}: ${text}`)];
  return { settings, spec: parseStack(values, stack, project, found, builds) };
}

/** The images of a stack as its settings have them; none where those cannot be read, which is told where it is that stack's turn. */
export function imagesOfStack(stack: string): readonly ImageSettings[] {
  try {
    return imageSettings(readStackSettings(stack).values).images;
  } catch {
    return [];
  }
}

/**
 * Reads a stack's settings as Pulumi would: the project's defaults, then the stack's file.
 *
 * @param folder the one with Pulumi.yaml
 * @throws StageFailure where the stack is unknown, or its name is none that Pulumi allows; SettingsError where a file is no YAML
 */
export function readStackSettings(stack: string, folder = projectFolder): StackSettings {
  requireStackName(stack);
  const name = `Pulumi.${stack}.yaml`;
  const file = join(folder, name);
  if (!existsSync(file)) {
    throw unknownStack(stack, stackNames(folder));
  }
  const { project, defaults } = readProject(folder);
  const { content, anchored } = readPulumiYaml(file);
  const config = content && asEntries(content.config ?? {});
  const problems = Object.keys(content ?? {})
    .filter((key) => !anchored.has(key) || key.includes(":"))
    .flatMap((key) => unread(key, project))
    .map((text) => `${name}: ${text}`);
  if (!config) {
    problems.push(
      `${name}: settings stand below config, a line each, as in "${project}:diskSize: 6 GiB"`,
    );
  }
  const all = configuration(config ?? {}, project, name);
  const own = ownSettings(all.values, project);
  const daemon = all.values["docker:host"];
  const two = typeof daemon === "string" ? otherDaemon(daemon) : undefined;
  if (two) problems.push(`${name}: ${two}`);
  const given = Object.entries(own.values);
  if (isEncrypted(own.values.secrets) && isSecure(own.values.secrets)) {
    problems.push(
      `${name}: ${project}:secrets is encrypted as a whole; set each by itself: pulumi config set --secret --path ${project}:secrets.NAME`,
    );
  }
  if (isEncrypted(own.values.images)) {
    problems.push(
      `${name}: ${project}:images has an encrypted value; secrets are the whole stack's: ${project}:secrets`,
    );
  }
  const plain = given
    // this process only needs to know that there is one
    .map(([key, value]) => {
      if (!isEncrypted(value)) return [key, value];
      if (isCredential(key)) return [key, ENCRYPTED];
      return [key, key === "secrets" ? withoutSecure(value) : value];
    })
    .filter(([, value]) => !isEncrypted(value));
  return {
    project,
    // fromEntries keeps a key such as __proto__ a key
    values: Object.fromEntries([...Object.entries(defaults), ...plain]) as Entries,
    secretNames: given.filter(([, value]) => isEncrypted(value)).map(([key]) => key),
    problems: [...problems, ...all.problems, ...own.problems],
  };
}

/** @throws StageFailure where a word is no stack's name, by which files and folders could be named */
export function requireStackName(stack: string): void {
  if (isStackName(stack)) return;
  throw new StageFailure(
    `${JSON.stringify(stack)} is no stack's name; letters, digits, "-", "_" and "." are allowed, at most 100`,
    { exitCode: EXIT.wrongSettings },
  );
}

function unknownStack(stack: string, known: readonly string[]): StageFailure {
  const meant = suggest(stack, known);
  const others = `known are ${known.join(", ") || "none"}`;
  return new StageFailure(`stack "${stack}" is unknown, there is no Pulumi.${stack}.yaml`, {
    hint: meant ? `did you mean -s ${meant}? ${others}` : others,
    exitCode: EXIT.wrongSettings,
  });
}

/** Keys at the top of a stack's file that the Pulumi CLI knows: its struct ProjectStack in sdk/go/common/workspace/project.go. */
const KNOWN = ["config", "secretsprovider", "encryptedkey", "encryptionsalt"];

/** What is said of a key at the top that means nothing, or not the same under both engines. */
function unread(key: string, project: string): string[] {
  if (KNOWN.includes(key)) return [];
  if (key === "environment") {
    return [
      "environment is read by the Pulumi CLI only; run pulumi up, or write its values below config",
    ];
  }
  return key.includes(":")
    ? [`${key} stands outside config, where nothing reads it; write it below config`]
    : [`${key} is not read; settings stand below config, as in "${project}:diskSize: 6 GiB"`];
}

/** The project's name. */
export function projectName(folder = projectFolder): string {
  const { content } = readPulumiYaml(join(folder, "Pulumi.yaml"));
  if (typeof content?.name !== "string") throw new SettingsError(["Pulumi.yaml: name is missing"]);
  return content.name;
}

/** The project's name, and its defaults by name. A default may stand for itself, or beside a type and a description. */
export function readProject(folder = projectFolder): { project: string; defaults: Entries } {
  const project = projectName(folder);
  const { content } = readPulumiYaml(join(folder, "Pulumi.yaml"));
  const { values, problems } = configuration(
    asEntries(content?.config) ?? {},
    project,
    "Pulumi.yaml",
  );
  if (problems.length > 0) throw new SettingsError(problems);
  const defaults = Object.entries(ownSettings(values, project).values)
    .map(([name, entry]) => {
      const declared = asEntries(entry);
      return [name, declared ? (declared.default ?? declared.value) : entry];
    })
    .filter(([, value]) => value !== undefined);
  return { project, defaults: Object.fromEntries(defaults) as Entries };
}

const isSecure = (value: unknown) => typeof asEntries(value)?.secure === "string";

/** A secret by name says that it is there. */
const withoutSecure = (value: unknown) =>
  isSecure(value)
    ? {}
    : Object.fromEntries(
        Object.entries(asEntries(value) ?? {}).map(([name, one]) => [
          name,
          isSecure(one) ? ENCRYPTED : one,
        ]),
      );

const isCredential = (name: string) => (CREDENTIAL_NAMES as readonly string[]).includes(name);
