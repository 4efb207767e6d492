import type { Change } from "../plan/description";
import type { ImageSpec } from "../plan/imageSpec";
import { stepTitle } from "../plan/steps";

/** An input of a stage that is not what it was, in the words of the settings. */
export interface ExplainedChange {
  /** The setting, the file (relative to the project), or the stage before it. */
  readonly input: string;
  /** "none" where there was nothing. */
  readonly before: string;
  readonly after: string;
  /** The whole as one line for people. */
  readonly text: string;
}

/** Counting from 0, the step to which a change belongs; undefined where it is none of a step's. */
export const stepOf = ({ path: [kind, group, index] }: Change): number | undefined =>
  kind === "inputs" && group === "steps" && index !== undefined ? Number(index) : undefined;

/** Says which steps are not what they were, a line each, in their order; and of one in which one thing changed, what that is. */
export function explainSteps(
  changes: readonly Change[],
  { provision }: Pick<ImageSpec, "provision">,
): ExplainedChange[] {
  const byStep = new Map<number, Change[]>();
  for (const change of changes) {
    const index = stepOf(change);
    if (index !== undefined) byStep.set(index, [...(byStep.get(index) ?? []), change]);
  }
  return [...byStep]
    .sort(([a], [b]) => a - b)
    .map(([index, changed]) => {
      const step = provision[index];
      const input = `step ${index + 1}${step ? ` (${stepTitle(step)})` : ""}`;
      return { input, ...difference(input, changed) };
    });
}

function difference(input: string, changed: readonly Change[]): Omit<ExplainedChange, "input"> {
  const kind = changed.find(({ path }) => path.at(3) === "kind");
  if (kind && kind.before === undefined) {
    return { before: "none", after: kind.after!, text: `${input} is new` };
  }
  if (kind && kind.after === undefined) {
    return { before: kind.before!, after: "none", text: `${input} is gone` };
  }
  const [first, ...others] = changed;
  const what = first!.path.slice(3).filter((part) => part !== ".");
  if (others.length > 0) {
    return { before: "other", after: `${changed.length} changes`, text: `${input} changed` };
  }
  const [before, after] = [first!.before ?? "none", first!.after ?? "none"];
  return { before, after, text: `${input} changed: ${what.join(".")} ${before} → ${after}` };
}
