import type { SettingName } from "../settings/schema";
import { markdown, written } from "./prose";
import type { SettingRow } from "./tableOfSettings";

type Json = Readonly<Record<string, unknown>>;

/** A property of an interface. */
interface Property {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
  readonly isOptional: boolean;
}

/** What the objects in settings are called as types, by where they stand. */
const INTERFACES: Readonly<Record<string, string>> = {
  provision: "ProvisionStep",
  "provision.files": "StepFile",
  publish: "PublishPlace",
  check: "ImageChecks",
  "check.waive": "RuleWaiver",
  tests: "ImageTest",
  network: "GuestNetwork",
  from: "ImageSource",
  "from.keys": "SourceKey",
  timeouts: "StageTimeouts",
};

/** What the objects are, by their types. */
const DOCS: Readonly<Record<string, string>> = {
  ProvisionStep:
    "One step, which runs in the guest as root: of one kind, which is that of `script`, `run`, `packages`, `files`, `ansible` and `reboot` that it has.",
  StepFile: "A file or folder that a step copies into the guest.",
  PublishPlace: "A place that takes a copy of each release, as a version of its own.",
  ImageChecks: "How the finished image is judged, besides kragle's own rules.",
  RuleWaiver: "A rule that the image may break.",
  ImageTest: "A script that runs as root in the booted image before it is released.",
  GuestNetwork: "What a guest may connect to although it would be shut.",
  ImageSource:
    "What an image begins with: another image, what another stack has released, or a disk that somebody else made.",
  SourceKey: "A file of keys that may have signed a publisher's list of digests.",
  StageTimeouts:
    "How many minutes each stage may take, ten times as long under software emulation.",
};

/** What values of which there are few are called as types. */
const ENUMS: Partial<Record<SettingName, string>> = {
  kernel: "Kernel",
  smoke: "SmokeDriver",
  proof: "Proof",
  accelerator: "Accelerator",
  packer: "PackerOrigin",
};

/** What these are. */
const ENUM_DOCS: Readonly<Record<string, string>> = {
  Kernel: "Which of Debian's kernels the image has.",
  SmokeDriver: "What boots the image as proof.",
  Proof: "How much of the boot ladder is climbed.",
  Accelerator: "What guests run on.",
  PackerOrigin: "Where the builder's Packer comes from.",
};

/** What is said of an argument where it is not said of the setting. */
const DESCRIPTIONS: Partial<Record<SettingName, string>> = {
  path: "The folder that receives `output/`, relative to the project or absolute; `build/<stack>/<name>` where none is given",
  imageId:
    "What the image says it is, `IMAGE_ID` in its `/etc/os-release`; the resource's name where none is given",
  provision: "Your steps, run as root in the guest in this order: docs/steps.md",
  secrets:
    "Secrets by name, which only the steps that name them get, as variables; always encrypted in the state. One that is not here may stand in the environment, as KRAGLE_SECRET_NAME",
  formats:
    "Other disk formats, which are made of the qcow2; options and the file's name stand behind a colon",
  vnc: "A port on 127.0.0.1 where the guest's screen can be watched while Packer works, with the password that the run prints; none where it is left out",
  from: "What the image begins with, other than its template's own installation: docs/images.md, docs/sources.md",
  rhsmUsername:
    "Red Hat user who registers the guest while Packer works; always encrypted in the state, as the other three",
  rhsmPassword: "That user's password",
  timeouts: "Minutes by stage",
};

/** Other examples, where those of the setting are written in a form that an argument does not have. */
const EXAMPLES: Partial<Record<SettingName, readonly unknown[]>> = {
  formats: [["raw", "qcow2:compression=zstd", "raw:file=disk.img"]],
  provision: [[{ packages: ["nginx"] }, { script: "scripts/app.sh", secrets: ["TOKEN"] }]],
  tests: [[{ script: "tests/port.sh", args: ["8080"], timeout: 2 }]],
};

/** Settings of a stack, which no single image has. */
const isOfImage = (name: string) => name !== "images" && name !== "timeouts.whole";

/**
 * infra/goldenImageArgs.ts: the settings of an image as the arguments of a component. What Pulumi's analyser of components can take is
 * less than what settings may be, so each has one form: no unions, no objects without a name.
 */
export function argumentTypes(rows: readonly SettingRow[]): string {
  const interfaces: string[] = [];
  const enums: string[] = [];
  const properties = rows
    .filter(({ name }) => isOfImage(name))
    .map((row): Property => ({
      name: row.name,
      type: typeOf(row.type, row.name, interfaces, enums),
      doc: docOf(row),
      isOptional: true,
    }));
  return [
    "// written by npm run generate from settings/schema.ts",
    'import type * as pulumi from "@pulumi/pulumi";',
    interfaceOf("GoldenImageArgs", ARGUMENTS, properties),
    ...interfaces,
    ...enums,
  ].join("\n\n");
}

const ARGUMENTS =
  "The settings of one image. Every one is optional. What is wrong is told in a preview, of all arguments at once, as errors of these properties, before anything starts.";

/** @param at where it stands, such as "provision.files" */
function typeOf(schema: Json, at: string, interfaces: string[], enums: string[]): string {
  const inner = (of: unknown, place = at) => typeOf(of as Json, place, interfaces, enums);
  const forms = (schema.anyOf ?? [schema]) as readonly Json[];
  const objects = forms.filter(({ properties }) => properties !== undefined);
  if (objects.length > 0) {
    const name = INTERFACES[at];
    if (name === undefined) throw new Error(`the object ${at} of the settings has no type's name`);
    // what it has itself stands before what it consists of
    const place = interfaces.push("") - 1;
    interfaces[place] = interfaceOf(
      name,
      DOCS[name]!,
      propertiesOf(objects, at).map(([property, of, isOptional]) => ({
        name: property,
        type: inner(of, `${at}.${property}`),
        doc: sentence(String(of.description)),
        isOptional,
      })),
    );
    return name;
  }
  // a number where there may be one: the other form says that there is none
  const kinds = forms.map(({ type }) => type);
  if (kinds.some((kind) => kind === "integer" || kind === "number")) return "number";
  const [form] = forms as [Json];
  const name = form.enum ? ENUMS[at as SettingName] : undefined;
  if (name !== undefined) {
    enums.push(enumOf(name, form.enum as string[]));
    return name;
  }
  if (form.type === "array") return `pulumi.Input<${inner(form.items)}>[]`;
  if (form.type === "object") return "Record<string, pulumi.Input<string>>";
  return form.type === "boolean" ? "boolean" : "string";
}

/** Those of all forms of an object; one that a form does not need is optional. */
function propertiesOf(
  forms: readonly Json[],
  at: string,
): [name: string, schema: Json, isOptional: boolean][] {
  const all = new Map<string, Json>();
  for (const { properties } of forms) {
    for (const [name, of] of Object.entries(properties as Record<string, Json>)) {
      if (!all.has(name) && isOfImage(`${at}.${name}`)) all.set(name, of);
    }
  }
  return [...all].map(([name, of]) => {
    const isNeeded = forms.every(({ required = [] }) => (required as string[]).includes(name));
    return [name, of, !isNeeded];
  });
}

const interfaceOf = (name: string, doc: string, properties: readonly Property[]) =>
  [
    comment(doc),
    `export interface ${name} {`,
    ...properties.map(
      ({ name, type, doc, isOptional }) =>
        `${comment(doc)}\n${name}${isOptional ? "?" : ""}: pulumi.Input<${type}>;`,
    ),
    "}",
  ].join("\n");

/** As Pulumi's analyser wants it: an object, and a type of the same name. */
const enumOf = (name: string, values: readonly string[]) =>
  [
    comment(ENUM_DOCS[name]!),
    `export const ${name} = {`,
    ...values.map((value) => `${value[0]!.toUpperCase()}${value.slice(1)}: "${value}",`),
    "} as const;",
    `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
  ].join("\n");

function docOf(row: SettingRow): string {
  const { name } = row;
  const description = DESCRIPTIONS[name] ?? row.description;
  const examples = EXAMPLES[name] ?? row.examples;
  const text = markdown({ ...row, description, examples });
  const value = written(row.default);
  const isNone = ["", "[]", "{}", "off"].includes(value);
  return [sentence(text), ...(isNone ? [] : [`Defaults to \`${value}\`.`])].join(" ");
}

/** With the targets of links in the place of the links, which lead to this repository. */
const sentence = (text: string) => `${text.replace(/\[[^\]]*\]\(([^)#]*)[^)]*\)/g, "$1")}.`;

const WIDTH = 110;

function comment(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1)!.length + word.length > WIDTH) lines.push("");
    lines.push(`${lines.pop()!} ${word}`);
  }
  if (lines.length === 1) return `/**${lines[0]!} */`;
  return ["/**", ...lines.map((line) => ` *${line}`), " */"].join("\n");
}
