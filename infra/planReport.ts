import { HAND_IMAGE } from "../plan/handImage";
import type { ImageSpec } from "../plan/imageSpec";
import { rootOf } from "../plan/roots";
import { handImage } from "../plan/stages/questions";
import { stepTitle } from "../plan/steps";
import { expectedTotal } from "./estimates";
import { explain } from "./explain";
import type { ExplainedChange } from "./explainSteps";
import { identityNotes } from "./identityNotes";
import type { ObservedStage, PlannedImage, StageHistory } from "./plan";
import type { BuilderPlan, StackPlan } from "./stackPlan";

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
export function planRows({ builder, images }: StackPlan): PlanRow[] {
  const [first] = images;
  const makers = new Map<string, string>();
  return [
    builderRow(builder, first!.spec),
    ...handImageRows(builder),
    ...images.flatMap((plan) => imageRows(plan, makers)),
  ];
}

/** @param makers the stages of images before it that will run, by the keys of what they make */
function imageRows(plan: PlannedImage, makers: Map<string, string>): PlanRow[] {
  const { name, on } = plan.spec;
  const roots = [...plan.history.keys()];
  return [...plan.history].map(([root, history]) => {
    const observed = plan.observed.get(root);
    const before = stagesBefore(root, roots).map((one) => rootOf(name, one));
    const isOnIt = on !== null && ["image", "release"].includes(root);
    const row = {
      ...stageRow(root, plan, history, observed),
      ...(name === null ? {} : { image: name }),
      ...(on === null ? {} : { on }),
      stage: rootOf(name, root),
      after: [
        ...(root === roots[0] ? ["builder"] : []),
        ...before,
        ...(isOnIt ? [rootOf(on, root)] : []),
      ],
    };
    const maker = observed && makers.get(observed.planned.key);
    if (maker !== undefined) return madeBy(row, maker);
    if (observed && willRun(row)) makers.set(observed.planned.key, row.stage);
    return row;
  });
}

/** Of what another image makes, too: it is built once. */
function madeBy(row: PlanRow, maker: string): PlanRow {
  const { stage, image, on, after } = row;
  const reasons = [`${maker} makes the same`];
  return {
    ...{ stage, status: "from store", reasons, changes: [], after: [...after, maker] },
    ...(image === undefined ? {} : { image }),
    ...(on === undefined ? {} : { on }),
  };
}

/** The stages of an image that have to be done before one that follows its base. */
function stagesBefore(root: string, roots: readonly string[]): string[] {
  if (root === roots[0]) return [];
  if (root === "image") return ["base"];
  if (root === "release") return roots.slice(roots.indexOf("image") + 1, roots.indexOf("release"));
  return [roots.indexOf(root) > roots.indexOf("release") ? "release" : "image"];
}

/**
 * Seconds until a run of this plan is done, as far as earlier runs tell.
 *
 * @param parallel how many stages run at a time
 */
export const totalSeconds = (rows: readonly PlanRow[], parallel?: number): number =>
  expectedTotal(
    rows.map((row) => ({ ...row, runs: willRun(row) })),
    parallel,
  );

/** Names of the images in a plan, in its order; none of a stack with one image. */
export const imagesIn = (rows: readonly PlanRow[]): string[] => [
  ...new Set(rows.flatMap(({ image }) => image ?? [])),
];

export const willRun = ({ status }: PlanRow): boolean =>
  status === "will run" || status === "runs after image";

function builderRow(builder: BuilderPlan, spec: ImageSpec): PlanRow {
  const { history, planned, marker, reference } = builder;
  const known = history.before?.key === planned.key;
  if (!marker) return there("builder", known);
  const lost = `Docker has no image ${reference}${known ? " any more" : ""}`;
  const changes = explain(history.before, history.description, spec);
  return toRun("builder", "will run", [lost], changes, history);
}

/** Told only where nothing else says that Docker has to build. */
function handImageRows({ marker, handMarker }: BuilderPlan): PlanRow[] {
  if (marker || !handMarker) return [];
  const why = `Docker has no image ${HAND_IMAGE} of these programs; it is for use by hand, and nothing depends on it`;
  return [{ stage: handImage.name, status: "will run", reasons: [why], changes: [], after: [] }];
}

function stageRow(
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
