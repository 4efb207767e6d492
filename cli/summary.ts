import { displayPath } from "../host/project";
import type { ImageOutputs } from "../plan/outputs";
import { formatSeconds, formatSize } from "../plan/units";
import { releasesOf } from "../store/stackRecord";

const passedTests = ({ length }: readonly string[]) =>
  length === 1 ? "your test passed" : `your ${length} tests passed`;

/**
 * What is said at the end of a run, a line each.
 *
 * @param raw the stack's outputs
 * @param notes on its images, each with the image's name where there are several
 */
export function summary(
  stack: string,
  raw: Readonly<Record<string, unknown>>,
  seconds: number,
  worked: boolean,
  notes: readonly string[],
): string[] {
  const images = [...releasesOf({ outputs: raw })];
  // what the program returned, which has this type; an engine hands it on as plain data
  const typed = (outputs: unknown) => outputs as ImageOutputs;
  const [[name, first]] = images as [(typeof images)[number]];
  return [
    "",
    worked
      ? `Done in ${formatSeconds(seconds)}.`
      : `Nothing to do: everything is in the store (${seconds.toFixed(1)} s).`,
    "",
    ...(name === null
      ? imageLines(typed(first), notes)
      : [
          ...table(images.map(([each, outputs]) => [String(each), typed(outputs)])),
          ...notes.map((note) => `  ${note}`),
        ]),
    "",
    "Next:",
    `  ./kragle outputs -s ${stack} --json     the same for other programs`,
    `  ./kragle verify -s ${stack}             check the released files`,
    name === null
      ? `  ./kragle write -s ${stack} /dev/sdX     write it to a disk, and read it back`
      : `  ./kragle report ${name} -s ${stack}     all that there is to know of an image`,
  ];
}

/** A line for each of several images. */
function table(images: readonly (readonly [string, ImageOutputs])[]): string[] {
  const rows = images.map(([name, outputs]) => {
    const { imageVersion, imageBytes, imagePath } = outputs;
    return [name, imageVersion, formatSize(imageBytes), displayPath(imagePath)];
  });
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`);
}

function imageLines(outputs: ImageOutputs, notes: readonly string[]): string[] {
  const byTime = Object.entries(outputs.smoke.seconds).sort(([, a], [, b]) => a - b);
  const rungs = byTime.map(([rung, s]) => `${rung} ${s.toFixed(0)} s`);
  return [
    `  image    ${displayPath(outputs.imagePath)}`,
    `  size     ${formatSize(outputs.imageBytes)} file, ${formatSize(outputs.imageVirtualBytes)} disk`,
    `  sha256   ${outputs.imageSha256}`,
    `  version  ${outputs.imageId} ${outputs.imageVersion} (build ${outputs.buildId})`,
    ...notes.map((note) => `           ${note}`),
    ...Object.entries(outputs.conversions).map(
      ([name, file]) => `  ${name.padEnd(8)} ${displayPath(file.path)}`,
    ),
    rungs.length
      ? `  booted   ${rungs.join(", ")} (${outputs.accelerator})`
      : "  booted   not proven by a boot (smoke: none)",
    ...(outputs.smoke.tests ? [`  tests    ${passedTests(outputs.smoke.tests)}`] : []),
    `  report   ${displayPath(outputs.reportPath)}`,
  ];
}
