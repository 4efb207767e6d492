import { stageKey } from "../plan/description";
import { rootOf } from "../plan/roots";
import { expectedTotal } from "./expectedTotal";
import type { PlannedImage } from "./plan";
import { builderRow, handImageRows, type PlanRow, stageRow, willRun } from "./planRow";
import { imagesToRun, type StackPlan } from "./stackPlan";

/** The plan for people and for `--json`: each stage, what will happen, and why. */
export function planRows(plan: StackPlan): PlanRow[] {
  const { builder } = plan;
  const [first] = plan.images;
  const makers = new Map<string, string>();
  return [
    builderRow(builder, first!.spec),
    ...handImageRows(builder),
    ...imagesToRun(plan).flatMap((image) => imageRows(image, makers)),
  ];
}

/** @param makers the stages of images before it that will run, by what they make */
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
    // of an image of unknown content all but its digest is known of what follows
    const made = observed?.planned.key ?? `${plan.plan.image.key} ${stageKey(history.description)}`;
    const maker = makers.get(made);
    if (maker !== undefined) return madeBy(row, maker);
    if (willRun(row)) makers.set(made, row.stage);
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
