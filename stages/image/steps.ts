import { inProject } from "../../host/project";
import type { Step, StepRequest } from "../../plan/steps";
import type { BundleFile } from "../../store/bundles";

/** A step as the program in the container is told of it. */
export type StepSettings = Pick<StepRequest, "name" | "title"> &
  Step & {
    /** Seconds, for what the step runs on. */
    readonly timeout: number;
  };

/**
 * The files of the steps, each under its step's name.
 *
 * @throws Error where a step was described and nothing said of it besides
 */
export function stepFiles(steps: readonly Step[], requests: readonly StepRequest[]): BundleFile[] {
  return steps.flatMap((step, index) => {
    const { name, sources } = requests[index]!;
    if (step.kind !== "script") return [];
    return [{ at: name, source: inProject(sources[0]!), digest: step.script }];
  });
}

/**
 * @param scale makes seconds with KVM such of what the guest runs on
 * @param timeout seconds with KVM of a step that says nothing itself
 */
export const stepSettings = (
  steps: readonly Step[],
  requests: readonly StepRequest[],
  scale: (seconds: number) => number,
  timeout: number,
): StepSettings[] =>
  steps.map((step, index) => {
    const { name, title, timeout: own } = requests[index]!;
    return { name, title, ...step, timeout: scale(own ?? timeout) };
  });
