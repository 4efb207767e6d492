import { type Device, drives, KNOWN_KERNELS, type KnownKernel } from "../plan/devices";
import { type Conversion, parseConversion } from "../plan/formats";
import type { ImageSpec } from "../plan/imageSpec";
import { type Platform, type PlatformFacts, PLATFORMS } from "../plan/platforms";
import { formatExactly, formatSize, parseSize } from "../plan/units";

/** What of an image its platforms are judged by. */
export type ToRun = Pick<
  ImageSpec,
  "name" | "on" | "runsOn" | "formats" | "diskBytes" | "template" | "kernel" | "suite"
>;

/**
 * Why an image cannot run where it is meant to (`runsOn`), with what to write instead, one line each: the file, the size of its disk, what
 * starts it, or its kernel.
 *
 * @param spec of an image that is made on another: with the kernel from there
 */
export const platformProblems = (spec: ToRun): string[] =>
  spec.runsOn.flatMap((platform) => {
    const facts = PLATFORMS[platform];
    return [
      ...fileProblem(platform, facts, spec),
      ...sizeProblem(platform, facts, spec),
      ...firmwareProblem(platform, facts, spec),
      ...driverProblem(platform, facts, spec),
    ];
  });

/** The image, in a sentence. */
const the = ({ name }: ToRun) => name ?? "the image";

export const or = (words: readonly string[]) =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** Whether a file is one that a platform takes, by an entry of its formats. */
const isTaken = (entry: string) => {
  const wanted = parseConversion(entry);
  return ({ format, options }: Pick<Conversion, "format" | "options">) =>
    format === wanted.format &&
    Object.entries(wanted.options).every(([name, value]) => options[name] === value);
};

function fileProblem(platform: Platform, { formats: taken }: PlatformFacts, spec: ToRun) {
  const files = [{ format: "qcow2", options: {}, name: "qcow2" }, ...spec.formats];
  if (taken.some((entry) => files.some(isTaken(entry)))) return [];
  const made = files.map(({ name }) => name).join(", ");
  return [
    `${platform} takes ${or(taken)}, and ${the(spec)} is made as ${made}; add "${taken[0]}" to formats`,
  ];
}

function sizeProblem(
  platform: Platform,
  { whole, maximumDiskBytes: most = Infinity }: PlatformFacts,
  spec: ToRun,
) {
  const bytes = spec.diskBytes;
  const unit = whole ? parseSize(`1 ${whole}`) : 1;
  const has = `the disk of ${the(spec)} has ${formatExactly(bytes)}`;
  if (bytes > most) {
    return [`${platform} starts from at most ${formatSize(most)}, and ${has}; lower diskSize`];
  }
  if (bytes % unit === 0) return [];
  const next = `${Math.ceil(bytes / unit)} ${whole}`;
  return [`${platform} takes disks of whole ${whole}, and ${has}; write diskSize: ${next}`];
}

function firmwareProblem(platform: Platform, { firmware }: PlatformFacts, spec: ToRun) {
  const { name, smoke } = spec.template;
  if (smoke.firmware.some((one) => firmware.includes(one))) return [];
  const [its, own] = [firmware, smoke.firmware].map((list) =>
    or(list.map((one) => one.toUpperCase())),
  );
  return [
    `${platform} starts by ${its}, and images of ${name} boot by ${own} only (smoke.firmware in its template.json); take ${platform} out, or use a template that boots by ${its}`,
  ];
}

/** @returns undefined where nobody knows what the kernel drives: one from an ISO, a disk, or another release */
export function kernelOf({ kernel, suite, template }: ToRun): KnownKernel | undefined {
  const release = suite ?? template.suite;
  return KNOWN_KERNELS.find((known) => known.kernel === kernel && known.release === release);
}

export const kernelNamed = ({ kernel, release }: KnownKernel) =>
  `the kernel "${kernel}" of ${release}`;

/** Where the kernel is set. */
export const setIt = ({ on }: ToRun) =>
  on === null ? "set kernel: generic" : `set kernel: generic for ${on}, on which it is made`;

function driverProblem(platform: Platform, { disks, cards }: PlatformFacts, spec: ToRun) {
  const kernel = kernelOf(spec);
  if (!kernel) return [];
  const kinds: readonly [string, readonly Device[]][] = [
    ["disk controller", disks],
    ["network card", cards],
  ];
  return kinds
    .filter(([, devices]) => !devices.some((device) => drives(kernel, device)))
    .map(
      ([what, devices]) =>
        `${platform} has ${or(devices)} as ${what}, and ${kernelNamed(kernel)} drives none of them; ${setIt(spec)}`,
    );
}
