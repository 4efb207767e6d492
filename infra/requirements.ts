import { EXIT, StageFailure } from "../host/failure";
import { findIso, missingIso } from "../host/iso";
import { inProject } from "../host/project";
import { writeObstacle } from "../host/writable";
import type { ImageSpec } from "../plan/imageSpec";
import { publicationRoot } from "../plan/roots";
import { outputFolder } from "../release/owner";
import type { FullPlan } from "./plan";

/**
 * Returns the plan where its run can begin and end: where the base has to be installed from an ISO, that is there or can be fetched; what
 * has to be laid down has places that can be written.
 *
 * @throws StageFailure (exit code 3) that says what is lacking
 */
export function requirePossible(home: string, { iso }: ImageSpec, plan: FullPlan): FullPlan {
  if (!isThere(plan, "base") && iso?.urls.length === 0 && !findIso(home, iso)) {
    throw missingIso(iso);
  }
  const problems = placesOf(plan.spec)
    .filter(({ root }) => !isThere(plan, root))
    .flatMap(({ folder, setting }) => {
      const obstacle = writeObstacle(folder);
      return obstacle ? [`${obstacle}: the setting ${setting} has results laid down there`] : [];
    });
  if (problems.length === 0) return plan;
  throw new StageFailure(problems.join("\n"), {
    hint: "let the setting name a folder that can be written, or see to its rights",
    exitCode: EXIT.lacking,
  });
}

/** The folders outside of the store in which stages lay down results, by root. */
export const placesOf = ({ path, publish }: Pick<ImageSpec, "path" | "publish">) => [
  { root: "release", folder: outputFolder(path), setting: "path" },
  ...publish.flatMap(({ name, destination }) =>
    "folder" in destination
      ? [{ root: publicationRoot(name), folder: inProject(destination.folder), setting: "publish" }]
      : [],
  ),
];

const isThere = ({ observed }: FullPlan, root: string) =>
  ["present", "unheld"].includes(observed.get(root)?.observation.state ?? "missing");
