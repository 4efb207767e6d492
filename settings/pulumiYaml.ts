import { existsSync } from "node:fs";
import { join } from "node:path";

import { type Document, isMap, isScalar, parseDocument, type ScalarTag, Schema, visit } from "yaml";

import { readText } from "../host/files";
import { displayPath, projectFolder } from "../host/project";
import { readsAsText } from "./asText";
import { SettingsError } from "./stack";

/**
 * Pulumi.yaml and Pulumi.<stack>.yaml as the Pulumi CLI understands them: pulumi/pulumi, sdk/go/common/workspace/loaders.go and
 * sdk/go/common/resource/config (key.go, object.go).
 */

export type Entries = Readonly<Record<string, unknown>>;

export interface PulumiYaml {
  /** By key at the top; undefined where the file is no mapping. An empty file is an empty mapping. */
  readonly content: Entries | undefined;
  /** Keys at the top whose value has an anchor, to be used further down. */
  readonly anchored: ReadonlySet<string>;
}

/** Whole numbers as the CLI's YAML has them: 010 is octal, 0b11 binary, and _ may stand between digits. */
const integer: ScalarTag = {
  tag: "tag:yaml.org,2002:int",
  default: true,
  test: /^[-+]?(0b[01_]+|[0-9][0-9_]*)$/,
  resolve: (text) => {
    const [, sign, octal, digits] = /^([-+]?)(0(?=[0-7]+$))?(.*)$/.exec(text.replaceAll("_", ""))!;
    return Number(`${octal ? "0o" : ""}${digits}`) * (sign === "-" ? -1 : 1);
  },
};

/** A number without quotes which is spelled otherwise than the number is: 1.10 is 1.1, and the zero is lost. */
class OddNumber {
  constructor(
    readonly number: number,
    readonly spelled: string,
  ) {}
}

function keepOddNumbers(document: Document): void {
  visit(document, {
    Scalar(place, node) {
      const { value, source } = node;
      if (place === "key" || typeof value !== "number" || source === undefined) return;
      if (String(value) !== source) node.value = new OddNumber(value, source);
    },
  });
}

/** The days and times that the library knows. */
const time = new Schema({ schema: "yaml-1.1" }).tags.find(({ tag }) => tag.endsWith(":timestamp"));

/** The same, but for days that there are not: the library makes another day of one, for the CLI it is a text. */
const timestamp: ScalarTag = {
  ...(time as ScalarTag),
  resolve: (text, ...rest) => {
    const [, year, month, day] = /^(\d{4})-(\d\d?)-(\d\d?)/.exec(text)!.map(Number);
    const date = new Date(Date.UTC(year!, month! - 1, day));
    const isDay = date.getUTCMonth() === month! - 1 && date.getUTCDate() === day;
    return isDay ? (time as ScalarTag).resolve(text, ...rest) : text;
  },
};

/** @throws SettingsError where the file is no YAML, or cannot be read */
export function readPulumiYaml(file: string): PulumiYaml {
  try {
    const document = parseDocument(readText(file), {
      merge: true,
      customTags: (tags) => [integer, timestamp, ...tags],
    });
    const [error] = document.errors;
    if (error?.code === "MULTIPLE_DOCS")
      throw new Error("it has several documents (---); one is read");
    if (error) throw error;
    const pairs = isMap(document.contents) ? document.contents.items : [];
    const anchored = pairs
      .filter(({ value }) => (value as { anchor?: string } | null)?.anchor)
      .map(({ key }) => String(isScalar(key) ? key.value : key));
    keepOddNumbers(document);
    const content: unknown = document.toJS() ?? {};
    requireTree(content);
    return { content: asEntries(content), anchored: new Set(anchored) };
  } catch (error) {
    throw new SettingsError([`${displayPath(file)}: ${(error as Error).message.trimEnd()}`]);
  }
}

/** An alias can stand inside of what it names. */
function requireTree(value: unknown, above: readonly unknown[] = []): void {
  if (typeof value !== "object" || value === null) return;
  if (above.includes(value)) throw new Error("an alias (*) stands inside of what it names (&)");
  for (const part of Object.values(value)) requireTree(part, [...above, value]);
}

/**
 * Configuration by full key, `namespace:name`. A key without namespace belongs to the project, and `namespace:config:name` is an
 * old way to write `namespace:name`. A value that is absent is empty text, and a day is written out as the CLI does. A number that is
 * meant as text, and is another text than was written, is a problem.
 *
 * @param file for messages
 */
export function configuration(
  config: Entries,
  project: string,
  file: string,
): { values: Entries; problems: string[] } {
  const found = new Map<string, { key: string; value: unknown }>();
  const problems: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    const parts = key.split(":");
    if (parts.length === 1) parts.unshift(project);
    if (parts.length === 3 && parts[1] === "config") parts.splice(1, 1);
    const full = parts.join(":");
    const other = found.get(full);
    if (parts.length !== 2) {
      problems.push(`${file}: ${key} is no key; write ${project}:name`);
    } else if (other) {
      problems.push(`${file}: ${full} stands there twice, as ${other.key} and as ${key}`);
    } else {
      const say = (text: string) => problems.push(`${file}: ${text}`);
      found.set(full, { key, value: value === null ? "" : asRead(value, full, say) });
    }
  }
  // fromEntries keeps a key such as __proto__ a key
  const values = Object.fromEntries([...found].map(([full, { value }]) => [full, value]));
  return { values, problems };
}

/**
 * What the Pulumi CLI lost of the settings before it handed them over, or reads otherwise than kragle does.
 *
 * @param folder the one with Pulumi.yaml
 */
export function lostByReading(stack: string, project: string, folder = projectFolder): string[] {
  return ["Pulumi.yaml", `Pulumi.${stack}.yaml`].flatMap((name) => {
    const file = join(folder, name);
    // another file may have been chosen, by --config-file
    if (!existsSync(file)) return [];
    const config = asEntries(readPulumiYaml(file).content?.config);
    return configuration(config ?? {}, project, name).problems;
  });
}

/** Whether a value, or a part of it, is encrypted. */
export function isEncrypted(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isEncrypted);
  const entries = asEntries(value);
  if (!entries) return false;
  const { secure, ...others } = entries;
  if (typeof secure === "string" && Object.keys(others).length === 0) return true;
  return Object.values(entries).some(isEncrypted);
}

export const asEntries = (value: unknown): Entries | undefined =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !(value instanceof OddNumber)
    ? (value as Entries)
    : undefined;

/** A value as the CLI hands it over; `place` is where it stands, such as `kragle:variables.SITE`. */
function asRead(value: unknown, place: string, say: (problem: string) => void): unknown {
  if (value instanceof Date)
    return `${value.toISOString().slice(0, 19).replace("T", " ")} +0000 UTC`;
  if (value instanceof OddNumber) {
    const { number, spelled } = value;
    if (!readsAsText(place.slice(place.indexOf(":") + 1), number)) return number;
    say(`${place}: ${spelled} without quotes is the number ${number}; write "${spelled}"`);
    return String(number);
  }
  if (Array.isArray(value))
    return value.map((part, index) => asRead(part, `${place}[${index}]`, say));
  const entries = asEntries(value);
  if (!entries) return value;
  return Object.fromEntries(
    Object.entries(entries).map(([key, part]) => [key, asRead(part, `${place}.${key}`, say)]),
  );
}
