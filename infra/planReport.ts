import { HAND_IMAGE } from "../plan/handImage";
import { handImage } from "../plan/stages/questions";
import { stepTitle } from "../plan/steps";
import { formatSeconds } from "../plan/units";
import { expectedTotal } from "./estimates";
import { explain } from "./explain";
import type { ExplainedChange } from "./explainSteps";
import { identityNotes } from "./identityNotes";
import type { FullPlan, ObservedStage, StageHistory } from "./plan";

/** What a preview says of one stage. */
export interface PlanRow {
  /** The root's name, such as `base` or `convert-raw`. */
  readonly stage: string;
  /**
   * `unchanged`: what the stack has already; `from store`: built before, by this stack or another, and becomes this one's; `runs after image`: belongs to
   * an image whose content is not known yet.
   */
  readonly status: "unchanged" | "from store" | "will run" | "runs after image";
  /** Why it will run, a line each; empty for a result that is there. */
  readonly reasons: readonly string[];
  /** What there is to know of a result that is there, and of the disk that a base is made from; a line each. */
  readonly notes?: readonly string[];
  /** The inputs that are not what they were when the stack used the stage last. */
  readonly changes: readonly Omit<ExplainedChange, "text">[];
  /** What people call the user's steps that the stage runs, in their order; absent where it runs none. */
  readonly steps?: readonly string[];
  /** The step after which the image's build goes on; absent where it begins with the base. */
  readonly goesOnAfter?: { readonly step: number; readonly title: string };
  /** From an earlier run of the stage; absent where there was none, and for a result that is there. */
  readonly expectedSeconds?: number;
}

/** The plan for people and for `--json`: each stage, what will happen, and why. */
export function planRows(plan: FullPlan): PlanRow[] {
  return [...plan.history].flatMap(([root, history]) =>
    root === "builder"
      ? [builderRow(plan, history), ...handImageRows(plan)]
      : [stageRow(root, plan, history, plan.observed.get(root))],
  );
}

/** Seconds until a run of this plan is done, as far as earlier runs tell. */
export const totalSeconds = (rows: readonly PlanRow[]): number =>
  expectedTotal(rows.map((row) => ({ ...row, runs: willRun(row) })));

export const willRun = ({ status }: PlanRow): boolean =>
  status === "will run" || status === "runs after image";

function builderRow({ tools, plan, spec }: FullPlan, history: StageHistory): PlanRow {
  const known = history.before?.key === plan.builder.key;
  if (!tools.marker) return there("builder", known);
  const lost = `Docker has no image ${tools.reference}${known ? " any more" : ""}`;
  const changes = explain(history.before, history.description, spec);
  return toRun("builder", "will run", [lost], changes, history);
}

/** Told only where nothing else says that Docker has to build. */
function handImageRows({ tools }: FullPlan): PlanRow[] {
  if (tools.marker || !tools.handMarker) return [];
  const why = `Docker has no image ${HAND_IMAGE} of these programs; it is for use by hand, and nothing depends on it`;
  return [{ stage: handImage.name, status: "will run", reasons: [why], changes: [] }];
}

function stageRow(
  root: string,
  plan: FullPlan,
  history: StageHistory,
  observed: ObservedStage | undefined,
): PlanRow {
  const { spec } = plan;
  const { before, description } = history;
  if (!observed) {
    // not that the image is another one: the status says so
    const upstream = before?.description?.upstream ?? {};
    const changes = explain(before, { ...description, upstream }, spec);
    return toRun(root, "runs after image", [], changes, history);
  }
  const { observation } = observed;
  const named =
    root === "image"
      ? identityNotes(spec, observation.manifest)
      : root === "base"
        ? (plan.source?.notes ?? [])
        : [];
  const notes = named.length > 0 ? { notes: named } : {};
  if (observation.state === "present") return { ...there(root, true), ...notes };
  if (observation.state === "unheld") {
    return { ...there(root, false), ...notes, reasons: observation.why ? [observation.why] : [] };
  }
  const changes = explain(before, description, spec);
  const reasons = observation.why ? [observation.why] : [];
  if (reasons.length === 0 && changes.length === 0) reasons.push("never built in this store");
  const row = {
    ...toRun(root, "will run", reasons, changes, history),
    ...(root === "base" ? notes : {}),
  };
  return root === "image" ? { ...row, ...stepsToRun(row, plan) } : row;
}

/** The steps of the image, from which point its build goes on, and why not from others that are there. */
function stepsToRun({ reasons }: PlanRow, { points, spec }: FullPlan): Partial<PlanRow> {
  const unused = points?.unused ?? [];
  const step = points?.chain.at(-1)?.step ?? 0;
  const steps = spec.provision.map(stepTitle);
  const toRun = steps.length > 0 ? { steps } : {};
  if (step === 0) return { ...toRun, reasons: [...reasons, ...unused] };
  const title = stepTitle(spec.provision[step - 1]!);
  const from = `goes on from the point after step ${step} (${title})`;
  return { ...toRun, reasons: [...reasons, ...unused, from], goesOnAfter: { step, title } };
}

const there = (stage: string, known: boolean): PlanRow => ({
  ...{ stage, status: known ? "unchanged" : "from store", reasons: [], changes: [] },
});

function toRun(
  stage: string,
  status: PlanRow["status"],
  reasons: readonly string[],
  changes: readonly ExplainedChange[],
  { expectedSeconds }: StageHistory,
): PlanRow {
  return {
    stage,
    status,
    reasons: [...reasons, ...changes.map(({ text }) => text)],
    changes: changes.map(({ text: _, ...change }) => change),
    ...(expectedSeconds === undefined ? {} : { expectedSeconds }),
  };
}

/** The rows as aligned lines, and how long all of it will take. */
export function planLines(rows: readonly PlanRow[]): string[] {
  const width = Math.max(...rows.map(({ stage }) => stage.length));
  const lines = rows.flatMap((row) => {
    const { stage, status, reasons, notes = [], expectedSeconds } = row;
    const time = expectedSeconds === undefined ? "" : `, about ${formatSeconds(expectedSeconds)}`;
    const indent = " ".repeat(width + 4);
    const shown = [...shorten(reasons), ...notes].map((line) => indent + line);
    return [`${stage.padEnd(width)}  ${status}${time}`, ...shown];
  });
  const running = rows.filter(willRun);
  if (running.length === 0) return lines;
  const known = running.every(({ expectedSeconds }) => expectedSeconds !== undefined);
  const total = totalSeconds(rows);
  const about = `${known ? "about" : "at least"} ${formatSeconds(total)}, as earlier runs took`;
  return [...lines, `${"total".padEnd(width)}  ${total > 0 ? about : "not known yet"}`];
}

/** As many reasons as somebody reads; `--json` has all of them. */
const REASONS_SHOWN = 8;

const shorten = (reasons: readonly string[]) =>
  reasons.length <= REASONS_SHOWN
    ? reasons
    : [
        ...reasons.slice(0, REASONS_SHOWN - 1),
        `and ${reasons.length - REASONS_SHOWN + 1} more; all of them: preview --json`,
      ];
