import { EXIT, StageFailure } from "../host/failure";
import { findSource, missingSource } from "../host/sourceFile";
import { inProject } from "../host/project";
import { writeObstacle } from "../host/writable";
import type { StackIdentity } from "../plan/identity";
import type { ImageSpec } from "../plan/imageSpec";
import { publicationRoot } from "../plan/roots";
import { requireApart } from "../release/apart";
import { outputFolder, requireOwnFolder } from "../release/owner";
import { type FullPlan, makePlan } from "./plan";

/**
 * Plans a run that can begin and end: the folder of releases is nobody else's; where the base is made from an ISO or a disk, that is
 * there or can be fetched; what has to be laid down has places that can be written.
 *
 * @throws StageFailure that says what is lacking; see `makePlan` too
 */
export async function planRun(...given: Parameters<typeof makePlan>): Promise<FullPlan> {
  const [{ home }, spec, owner] = given;
  await requireOwnPlaces(home, spec, owner);
  const plan = await makePlan(...given);
  const source = wantedSource(spec, plan.files.source);
  if (source?.urls.length === 0 && !isThere(plan, "base") && !findSource(home, source)) {
    throw missingSource(source);
  }
  const problems = placesOf(spec)
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

/** @throws StageFailure (exit code 2) where a folder for results is another stack's, or lies in what is kragle's already */
export async function requireOwnPlaces(
  home: string,
  spec: Pick<ImageSpec, "path" | "publish">,
  owner: StackIdentity,
): Promise<void> {
  const [release, ...publications] = placesOf(spec);
  await requireApart(home, release!, publications);
  await requireOwnFolder(home, release!.folder, owner);
}

/**
 * The file from which the base is made, and where it can be had; undefined where it is bootstrapped.
 *
 * @param sha256 of the disk that the image begins with
 */
export function wantedSource({ iso, from }: ImageSpec, sha256: string | null) {
  if (from && sha256 !== null) return { ...from, sha256 };
  return iso ? { ...iso, kind: "iso" as const } : undefined;
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

/** Whether the store has a stage's whole result, which is not to be made again. */
export const isThere = ({ observed }: FullPlan, root: string) =>
  ["present", "unheld"].includes(observed.get(root)?.observation.state ?? "missing");
