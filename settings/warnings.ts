import type { Conversion } from "../plan/formats";
import { CREDENTIAL_NAMES, type ImageSpec, type StackSpec } from "../plan/imageSpec";
import { onlySecret, registers } from "./credentials";
import { imageSettings } from "./images";
import { machineWarnings, thisMachine } from "./machine";
import { keyIn, type Namespace } from "./namespace";
import { formatWarnings, platformWarnings } from "./platformWarnings";
import { schema, type SettingName } from "./schema";
import { scriptWarnings, testWarnings } from "./scripts";
import { inTheClear, secretWarnings } from "./secrets";

/** A stack's settings as they were read. */
export interface ReadSettings {
  /** The project's name in Pulumi.yaml, which is the namespace of its settings. */
  readonly project: string;
  /** By name, defaults filled in. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Names whose values are encrypted in the stack's file. */
  readonly secretNames: readonly string[];
}

/** Everything that a user should know before a run of these settings, here: one line each. */
export const warningsOf = (
  settings: ReadSettings,
  { images }: StackSpec,
  stack: string,
): string[] => {
  // not in the order of the images, each of which comes after the one that it is made on
  const given = new Map(imageSettings(settings.values).images.map((one) => [one.name, one]));
  const found = images.flatMap((spec) => {
    const { values, placeOf } = given.get(spec.name)!;
    return settingWarnings({ ...settings, values, placeOf }, spec, stack, images);
  });
  const here = thisMachine();
  const machine = images.flatMap((spec) => machineWarnings(spec, settings.project, here));
  // a flat setting is one of many images
  return [...new Set([...found, ...machine])];
};

/** An image's settings, of which some may stand with the image. */
interface PlacedSettings extends Omit<ReadSettings, "project"> {
  readonly project: Namespace;
  readonly placeOf?: (place: string) => string;
}

/**
 * What is right by itself and yet not what was meant: settings that do nothing here, secrets in the clear. One line each.
 *
 * @param images all of the stack: a flat setting that one of them uses is used
 */
export function settingWarnings(
  settings: PlacedSettings,
  spec: ImageSpec,
  stack: string,
  images: readonly ImageSpec[] = [spec],
): string[] {
  const { project, secretNames, placeOf = (place) => place } = settings;
  const full = (name: string) => keyIn(project)(placeOf(name));
  const given = (name: SettingName) => isGiven(name, settings);
  const isFlat = (name: string) => placeOf(name) === name;
  const isUnused = (name: SettingName) =>
    !isFlat(name) ||
    images.every((each) => unusedSettings(each).some(({ names }) => names.includes(name)));
  const unused = unusedSettings(spec).flatMap(({ names, why }) =>
    names
      .filter((name) => given(name) && isUnused(name))
      .map((name) => `${full(name)} is not used: ${why}`),
  );
  const clear = (Object.keys(onlySecret(spec.credentials)) as SettingName[])
    .filter((name) => given(name) && !secretNames.includes(name))
    .map((name) => inTheClear(full(name), name, stack));
  const secrets = secretWarnings(
    schema.shape.secrets.safeParse(settings.values.secrets).data ?? {},
    secretNames.includes("secrets"),
    images,
    stack,
    full,
  );
  const scripts = scriptWarnings(spec).map((text) => `${full("provision")}: ${text}`);
  const tests = testWarnings(spec).map((text) => `${full("tests")}: ${text}`);
  const machines = [
    ...platformWarnings(spec, images).map((text) => `${full("runsOn")}: ${text}`),
    ...formatWarnings(spec).map((text) => `${full("formats")}: ${text}`),
  ];
  const copies = spec.formats.some(isCopy)
    ? [
        `${full("formats")}: qcow2 without options is a second copy of the image, which is one; take it out, or give it options`,
      ]
    : [];
  return [...unused, ...clear, ...secrets, ...scripts, ...tests, ...machines, ...copies];
}

/** Whether a conversion changes nothing of the image, byte for byte. */
const isCopy = ({ format, options }: Conversion) =>
  format === "qcow2" && Object.keys(options).length === 0;

/** Settings that make no difference to this image. */
function unusedSettings(
  spec: ImageSpec,
): { readonly names: readonly SettingName[]; readonly why: string }[] {
  const { template, smoke, builderImage } = spec;
  const { name, install } = template;
  const medium = ["isoPath", "isoUrls", "isoSha256"] as const;
  const unused = {
    bootstrap: [{ names: medium, why: `${name} is installed from packages, not from an ISO` }],
    iso: [
      { names: ["kernel"], why: `${name} is installed from an ISO, with the kernel on it` },
    ] as const,
    disk: [
      { names: ["kernel", ...medium], why: `${name} begins with a disk, with the kernel on it` },
    ] as const,
  }[install];
  return [
    ...unused,
    ...(registers(template)
      ? []
      : [{ names: CREDENTIAL_NAMES, why: `${name} registers no guest` }]),
    ...(smoke === "libvirt"
      ? []
      : [{ names: ["libvirtUri"] as const, why: `smoke is ${smoke}, and only libvirt needs it` }]),
    ...(builderImage === null
      ? []
      : [{ names: ["baseImage", "packer"] as const, why: "builderImage is ready as it is" }]),
  ];
}

/** Whether a setting is another than its default, in whichever form it came. */
export function isGiven(
  name: SettingName,
  { values, secretNames }: Pick<ReadSettings, "values" | "secretNames">,
): boolean {
  const value = values[name] ?? "";
  if (secretNames.includes(name)) return true;
  const read = (input: unknown) => JSON.stringify(schema.shape[name].safeParse(input).data);
  return value !== "" && read(value) !== read(undefined);
}
