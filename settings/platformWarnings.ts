import { type Device, drives } from "../plan/devices";
import type { ImageSpec } from "../plan/imageSpec";
import { type Platform, type PlatformFacts, PLATFORMS } from "../plan/platforms";
import type { ProvisionStep } from "../plan/steps";
import { kernelNamed, kernelOf, or, setIt } from "./platforms";
import { mentions } from "./scripts";

/**
 * What has to be seen to there, so that it runs: another device than a new machine has, its firmware, an agent that no step brings along.
 *
 * @param images of the stack, among which are those that it is made on
 */
export const platformWarnings = (spec: ImageSpec, images: readonly ImageSpec[]): string[] =>
  spec.runsOn.flatMap((platform) => {
    const facts = PLATFORMS[platform];
    return [
      ...deviceWarning(platform, facts, spec),
      ...firmwareWarning(platform, facts, spec),
      ...agentWarning(platform, facts, spec, images),
    ];
  });

/** What the readers of a format run it on, where it is read by one product above all. */
const READERS: Readonly<Record<string, Platform>> = { vdi: "virtualbox", vmdk: "vmware" };

/** Where nobody says what an image runs on: the same of those whose formats it is made in. */
export const formatWarnings = (spec: ImageSpec): string[] =>
  spec.runsOn.length > 0
    ? []
    : [...new Set(spec.formats.map(({ format }) => format))].flatMap((format) => {
        const reader = READERS[format];
        return reader ? deviceWarning(format, PLATFORMS[reader], spec) : [];
      });

/** @param where what the line begins with: the platform, or the format by which it is known */
function deviceWarning(where: string, { title, disks, cards }: PlatformFacts, spec: ImageSpec) {
  const kernel = kernelOf(spec);
  if (!kernel) return [];
  const lists: readonly (readonly Device[])[] = [disks, cards];
  const lacking = lists.filter(([first]) => !drives(kernel, first!));
  const others = lacking.map((list) => or(list.filter((device) => drives(kernel, device))));
  // where nothing that it can have is driven, the image is refused
  if (lacking.length === 0 || others.includes("")) return [];
  const has = lacking.map(([first]) => first).join(" and ");
  return [
    `${where}: a new machine of ${title} has ${has}, which ${kernelNamed(kernel)} does not drive; ${setIt(spec)}, or give the machine ${others.join(", and ")}`,
  ];
}

function firmwareWarning(platform: Platform, { firmware }: PlatformFacts, spec: ImageSpec) {
  const common = firmware.filter((one) => spec.template.smoke.firmware.includes(one));
  if (common.length !== 1 || firmware.length === 1) return [];
  const by = common[0]!.toUpperCase();
  return [
    `${platform}: the machine has to start by ${by}, by which alone images of ${spec.template.name} boot`,
  ];
}

function agentWarning(
  platform: Platform,
  { agentPackage }: PlatformFacts,
  spec: ImageSpec,
  images: readonly ImageSpec[],
): string[] {
  // the package of another family may have another name
  if (!agentPackage || spec.template.install !== "bootstrap") return [];
  const brings = ({ provision, on, onRelease }: ImageSpec): boolean =>
    // nobody knows here which steps another stack has run
    onRelease !== null ||
    provision.some((step) => installs(step, agentPackage)) ||
    images.some((other) => other.name === on && on !== null && brings(other));
  if (brings(spec)) return [];
  return [
    `${platform}: no step brings its agent along; the image boots without, or add {packages: [${agentPackage}]} to provision`,
  ];
}

/** Whether a step may install a package: whatever a playbook does, nobody reads. */
function installs(step: ProvisionStep, name: string): boolean {
  if (step.kind === "packages") return step.packages.some((one) => one.split("=")[0] === name);
  if (step.kind === "script") return mentions(step.script, name);
  return step.kind === "run" ? step.run.includes(name) : step.kind === "ansible";
}
