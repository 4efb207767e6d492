import { EXIT, StageFailure } from "../host/failure";
import { stackNames } from "../host/project";
import { releaseName } from "../plan/imageSpec";
import { rootOf } from "../plan/roots";
import { image } from "../plan/stages/image";
import { type ImageSettings, stackBelow } from "../settings/images";
import { type Root, Roots } from "../store/roots";
import { standing } from "../store/standing";
import { belowBySettings } from "./imageNames";
import { imagesOfStack } from "./stackSettings";

/** What a stack is to let go of. */
interface Leaving {
  readonly project: string;
  readonly stack: string;
  /** Names of images; none for the whole stack. */
  readonly names: readonly string[];
}

/**
 * Refuses to let go of an image on which others stand, of this stack or of another one of the project.
 *
 * @param roots the stack's, by name
 * @param images as its settings have them
 * @throws StageFailure (exit code 2) that names those others
 */
export async function requireFree(
  home: string,
  leaving: Leaving,
  roots: ReadonlyMap<string, Root>,
  images: readonly ImageSettings[],
): Promise<void> {
  requireFreeHere(leaving, standing(roots, belowBySettings(images)));
  const others = stackNames().filter((name) => name !== leaving.stack);
  const held = (await Promise.all(others.map((name) => heldBy(home, leaving, name)))).flat();
  if (held.length === 0) return;
  throw new StageFailure(held.map(({ why }) => why).join("\n"), {
    hint: `${held.map(({ next }) => next).join(", ")}; or let the setting from there name something else, and ./kragle up`,
    exitCode: EXIT.wrongSettings,
  });
}

function requireFreeHere(
  { stack, names }: Leaving,
  on: ReadonlyMap<string, readonly string[]>,
): void {
  const above = (below: readonly string[]) =>
    [...on].flatMap(([name, its]) =>
      !names.includes(name) && its.some((one) => below.includes(one)) ? [name] : [],
    );
  const problems = names.flatMap((name) => {
    const those = above([name]);
    const verb = those.length === 1 ? "stands" : "stand";
    return those.length === 0
      ? []
      : [`image ${name} of stack ${stack} is not let go of: ${those.join(", ")} ${verb} on it`];
  });
  if (problems.length === 0) return;
  const together = new Set(names);
  // a set goes on to what is added to it meanwhile
  for (const name of together) above([name]).forEach((one) => together.add(one));
  throw new StageFailure(problems.join("\n"), {
    hint: `./kragle destroy ${[...together].join(" ")} -s ${stack} lets go of all of them`,
    exitCode: EXIT.wrongSettings,
  });
}

/** The images of another stack that are made on a release of this one, by that stack's settings and by what it has. */
async function heldBy(home: string, { project, stack, names }: Leaving, other: string) {
  // those that cannot be read hold nothing back
  const images = imagesOfStack(other);
  if (images.every((one) => stackBelow(one)?.stack !== stack)) return [];
  const roots = await Roots.of(home, { project, stack: other }).list();
  return images.flatMap((one) => {
    const below = stackBelow(one);
    const root = roots.get(rootOf(one.name, image.stage));
    const isMade = root?.description?.upstream.releasedSha256 !== undefined;
    if (below?.stack !== stack || !isMade) return [];
    if (names.length > 0 && below.image !== null && !names.includes(below.image)) return [];
    const who = releaseName({ stack: other, image: one.name });
    const which = one.name === null ? "" : `${one.name} `;
    return {
      why: `the release of ${releaseName(below)} is not let go of: ${who} stands on it`,
      next: `./kragle destroy ${which}-s ${other}`,
    };
  });
}
