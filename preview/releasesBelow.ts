import { EXIT, StageFailure } from "../host/failure";
import { inProject } from "../host/project";
import { type ImageSpec, releaseName, type StackRelease } from "../plan/imageSpec";
import { LET_IN, shutOutBy } from "../plan/wayIn";
import { lessThanBelow } from "../settings/madeOn";
import { schema } from "../settings/schema";
import type { PlannedImage } from "./plan";
import type { ReleaseBelow } from "./stackRelease";

/**
 * Looks at every release of another stack on which images are made, before anything else is planned.
 *
 * @param find see `findRelease`
 * @throws StageFailure with everything that is lacking, and everything that an image cannot have otherwise than what it is made on
 */
export async function requireReleases(
  images: readonly ImageSpec[],
  find: (from: StackRelease) => Promise<ReleaseBelow>,
): Promise<void> {
  const problems: StageFailure[] = [];
  for (const spec of images) {
    const { onRelease, name } = spec;
    if (!onRelease) continue;
    const found = await find(onRelease).catch(asProblem);
    const wrong =
      found instanceof StageFailure ? [found] : misfits(spec, releaseName(onRelease), found);
    const whose = name === null ? "" : `image ${name}: `;
    problems.push(
      ...wrong.map(({ message, details }) => new StageFailure(whose + message, details)),
    );
  }
  if (problems.length === 0) return;
  const hints = problems.map(({ details }) => details.hint!);
  const isLacking = problems.every(({ details }) => details.exitCode === EXIT.lacking);
  throw new StageFailure(problems.map(({ message }) => message).join("\n"), {
    hint: [...new Set(hints)].join("; "),
    exitCode: isLacking ? EXIT.lacking : EXIT.wrongSettings,
  });
}

/**
 * Looks at the images on which others of the same stack are to be made, as far as they are there.
 *
 * @param images those that a run makes
 * @throws StageFailure with every one that is known to let no build in
 */
export function requireWaysIn(images: readonly PlannedImage[]): void {
  const problems = images.flatMap(({ spec, observed }) => {
    const below = images.find((other) => spec.on !== null && other.spec.name === spec.on);
    if (!below || observed.get("image")?.observation.manifest) return [];
    const why = shutOutBy(below.observed.get("image")?.observation.manifest?.result);
    return why === undefined
      ? []
      : [`image ${spec.name}: nothing can be built on image ${spec.on}: ${why}`];
  });
  if (problems.length === 0) return;
  throw new StageFailure(problems.join("\n"), { hint: LET_IN, exitCode: EXIT.wrongSettings });
}

function asProblem(error: Error): StageFailure {
  if (error instanceof StageFailure) return error;
  throw error;
}

/** @param name of the release */
function misfits({ template, diskBytes }: ImageSpec, name: string, below: ReleaseBelow) {
  const wrong = (message: string, hint: string) =>
    new StageFailure(message, { hint, exitCode: EXIT.wrongSettings });
  const found: StageFailure[] = [];
  // a template that is there no more is another one
  const { data: theirs } = schema.shape.template.safeParse(below.template);
  if (!theirs || inProject(theirs.folder) !== inProject(template.folder)) {
    const right = theirs?.name ?? String(below.template);
    found.push(
      wrong(
        `its template is ${template.name}, and that of the release of ${name}, on which it is made, is ${right}`,
        `set template: ${right}`,
      ),
    );
  }
  if (diskBytes < below.virtualBytes) {
    found.push(
      wrong(
        `diskSize: ${lessThanBelow(diskBytes, `the release of ${name}`, below.virtualBytes)}`,
        `set diskSize: ${Math.ceil(below.virtualBytes / 2 ** 20)} MiB or more`,
      ),
    );
  }
  const why = shutOutBy(below.image.result);
  if (why !== undefined) {
    found.push(wrong(`nothing can be built on the release of ${name}: ${why}`, LET_IN));
  }
  return found;
}
