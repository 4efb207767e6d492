import { HAND_IMAGE } from "../plan/handImage";
import type { ImageSpec } from "../plan/imageSpec";
import { handImage } from "../plan/stages/questions";
import { stepTitle } from "../plan/steps";
import { explain } from "./explain";
import type { ExplainedChange } from "./explainSteps";
import { identityNotes } from "./identityNotes";
import type { ObservedStage, PlannedImage, StageHistory } from "./plan";
import type { BuilderPlan } from "./stackPlan";

/** What a preview says of one stage. */
export interface PlanRow {
  /** The root's name, such as `base` or `convert-raw`, and `web.base` where the stack has several images. */
  readonly stage: string;
  /** What the stack calls the image; absent where it has one, and for what all of them share. */
  readonly image?: string;
  /** The image that this one is made on; absent where it is on none. */
  readonly on?: string;
  /** Names of the stages that have to be done before it. */
  readonly after: readonly string[];
  /**
   * `unchanged`: what the stack has already; `from store`: built before, by this stack or another, and becomes this one's; `runs after image`: belongs to
   * an image whose content is not known yet.
   */
  readonly status: "unchanged" | "from store" | "will run" | "runs after image";
  /** Why it will run, a line each; empty for a result that is there. */
  readonly reasons: readonly string[];
  /** What there is to know of a result that is there, and of the disk or release that an image begins with; a line each. */
  readonly notes?: readonly string[];
  /** The inputs that are not what they were when the stack used the stage last. */
  readonly changes: readonly Omit<ExplainedChange, "text">[];
  /** What people call the user's steps that the stage runs, in their order; absent where it runs none. */
  readonly steps?: readonly string[];
  /** The step after which the image's build goes on; absent where it begins with the first step. */
  readonly goesOnAfter?: { readonly step: number; readonly title: string };
  /** From an earlier run of the stage; absent where there was none, and for a result that is there. */
  readonly expectedSeconds?: number;
}

/** Names of the images in a plan, in its order; none of a stack with one image. */
export const imagesIn = (rows: readonly PlanRow[]): string[] => [
  ...new Set(rows.flatMap(({ image }) => image ?? [])),
];

export const willRun = ({ status }: PlanRow): boolean =>
  status === "will run" || status === "runs after image";

export function builderRow(builder: BuilderPlan, spec: ImageSpec): PlanRow {
  const { history, planned, marker, reference } = builder;
  const known = history.before?.key === planned.key;
  if (!marker) return there("builder", known);
  const lost = `Docker has no image ${reference}${known ? " any more" : ""}`;
  const changes = explain(history.before, history.description, spec);
  return toRun("builder", "will run", [lost], changes, history);
}

/** Told only where nothing else says that Docker has to build. */
export function handImageRows({ marker, hand }: BuilderPlan): PlanRow[] {
  if (marker || !hand?.marker) return [];
  const why = `Docker has no image ${HAND_IMAGE} of these programs; it is for use by hand, and nothing depends on it`;
  return [{ stage: handImage.name, status: "will run", reasons: [why], changes: [], after: [] }];
}

export function stageRow(
  root: string,
  plan: PlannedImage,
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
  const begun =
    root === "base"
      ? (plan.source?.notes ?? [])
      : root === "image" && plan.release
        ? [plan.release.note]
        : [];
  const named = root === "image" ? identityNotes(spec, observation.manifest) : [];
  const noted = (lines: readonly string[]) => (lines.length > 0 ? { notes: lines } : {});
  const notes = noted([...begun, ...named]);
  if (observation.state === "present") return { ...there(root, true), ...notes };
  if (observation.state === "unheld") {
    return { ...there(root, false), ...notes, reasons: observation.why ? [observation.why] : [] };
  }
  const changes = explain(before, description, spec);
  const reasons = observation.why ? [observation.why] : [];
  if (reasons.length === 0 && changes.length === 0) reasons.push("never built in this store");
  const row = {
    ...toRun(root, "will run", reasons, changes, history),
    ...noted(begun),
  };
  return root === "image" ? { ...row, ...stepsToRun(row, plan) } : row;
}

/** The steps of the image, from which point its build goes on, and why not from others that are there. */
function stepsToRun({ reasons }: PlanRow, { points, spec }: PlannedImage): Partial<PlanRow> {
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
  ...{ stage, status: known ? "unchanged" : "from store", reasons: [], changes: [], after: [] },
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
    after: [],
    ...(expectedSeconds === undefined ? {} : { expectedSeconds }),
  };
}
