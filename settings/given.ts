import type { ProvisionStep } from "../plan/steps";
import { formatSize } from "../plan/units";

/**
 * Bytes of what a step is given that surely reach the guest. It goes on one command line, quoted and in base64, and Linux takes 128 KiB
 * as one word of that; files, secrets, lines and a playbook's variables travel in another way.
 */
const LONGEST = 64 * 2 ** 10;

/**
 * What is wrong with steps that are given more than that, by their places.
 *
 * @param shared variables of every step
 */
export const givenTooMuch = (
  steps: readonly ProvisionStep[],
  shared: Readonly<Record<string, string>>,
): [place: string, problem: string][] =>
  steps.flatMap((step, index): [string, string][] => {
    const bytes = Buffer.byteLength(givenTo(step, shared).join(" "));
    if (bytes <= LONGEST) return [];
    const size = `${formatSize(bytes)}, and at most ${formatSize(LONGEST)} reach the guest`;
    return [
      [
        `provision[${index}]`,
        `step ${index + 1}: what it is given (variables, arguments, names) takes ${size}; bring what is long as a file`,
      ],
    ];
  });

function givenTo(step: ProvisionStep, shared: Readonly<Record<string, string>>): string[] {
  if (step.kind === "packages") return [...step.packages];
  if (step.kind !== "script" && step.kind !== "run") return [];
  const variables = Object.entries({ ...shared, ...step.variables });
  return [...variables.flat(), ...(step.kind === "script" ? step.args : [])];
}
