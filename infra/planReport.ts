import { explainChange } from "../plan/description";
import { formatSeconds } from "../plan/units";
import type { FullPlan, ObservedStage } from "./plan";

/** What a preview says of one stage. */
export interface PlanRow {
  /** The root's name, such as `base` or `convert-raw`. */
  readonly stage: string;
  readonly status: "from store" | "will run" | "runs after image";
  /** Why it will run; empty for a result from the store. */
  readonly reasons: readonly string[];
  /** From an earlier run of the stage in this stack; absent where there was none. */
  readonly expectedSeconds?: number;
}

/** The plan for people and for `--json`: each stage, what will happen, and why. */
export function planRows({ observed, afterImage, tools }: FullPlan): PlanRow[] {
  const rows: PlanRow[] = [];
  if (tools.marker) {
    const reasons = [`Docker has no image ${tools.reference}`];
    rows.push({ stage: "builder", status: "will run", reasons });
  } else {
    rows.push({ stage: "builder", status: "from store", reasons: [] });
  }
  for (const root of ["base", "image", ...afterImage]) {
    const entry = observed.get(root);
    rows.push(entry ? rowOf(entry) : { stage: root, status: "runs after image", reasons: [] });
  }
  return rows;
}

function rowOf({ root, observation, planned, before }: ObservedStage): PlanRow {
  if (observation.state === "present") return { stage: root, status: "from store", reasons: [] };
  const reasons = observation.why ? [observation.why] : [];
  if (before && before.key !== planned.key) {
    for (const change of explainChange(before.description, planned.description)) {
      reasons.push(`${change.name}: ${change.before} → ${change.after}`);
    }
  }
  if (reasons.length === 0) reasons.push("never built in this store");
  return {
    stage: root,
    status: "will run",
    reasons,
    ...(before ? { expectedSeconds: before.seconds } : {}),
  };
}

/** The rows as aligned lines. */
export function planLines(plan: FullPlan): string[] {
  const rows = planRows(plan);
  const width = Math.max(...rows.map(({ stage }) => stage.length));
  return rows.map(({ stage, status, reasons, expectedSeconds }) => {
    const why = reasons.length ? `: ${reasons.join("; ")}` : "";
    const time = expectedSeconds === undefined ? "" : ` (about ${formatSeconds(expectedSeconds)})`;
    return `${stage.padEnd(width)}  ${status}${why}${time}`;
  });
}
