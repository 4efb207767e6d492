import { counted } from "../plan/units";
import type { Change } from "../plan/description";
import type { ImageSpec } from "../plan/imageSpec";
import { type ProvisionStep, stepTitle } from "../plan/steps";

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
      return { input, ...((step && aged(input, step, changed)) ?? difference(input, changed)) };
    });
}

/** Of a step that is to run again without another change. */
function aged(
  input: string,
  { always, refreshAfter }: ProvisionStep,
  [change, ...others]: readonly Change[],
): Omit<ExplainedChange, "input"> | undefined {
  if (change?.path[3] !== "since" || others.length > 0) return undefined;
  const { before = "none", after = "none" } = change;
  if (always) return { before, after, text: `${input} runs in every build (always)` };
  const limit = refreshAfter === null ? "none" : formatAge(refreshAfter);
  const text =
    change.before === undefined || change.after === undefined
      ? `refreshAfter: ${change.before === undefined ? "none" : "set"} → ${limit}`
      : `is ${formatAge((Date.now() - Date.parse(before)) / 1000)} old, and refreshAfter is ${limit}`;
  return { before, after, text: `${input} ${text}` };
}

/** Whole days, or hours where there is none. */
const formatAge = (seconds: number) =>
  seconds >= 86_400
    ? counted(Math.floor(seconds / 86_400), "day")
    : counted(Math.floor(seconds / 3600), "hour");

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
