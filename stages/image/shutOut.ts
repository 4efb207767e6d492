import { EXIT, StageFailure } from "../../host/failure";
import type { madeOn } from "../../plan/stages/image";
import { LET_IN, shutOutBy } from "../../plan/wayIn";

/** What SSH says where the guest answers, and takes no key of root's. */
const REFUSED = /ssh: unable to authenticate/;

/**
 * What there is to do where a guest that begins with another image does not let the build in.
 *
 * @param tail the last lines of the build
 * @returns undefined where it failed otherwise, or begins with what its own template has installed
 */
export function shutOut(
  stage: ReturnType<typeof madeOn>["stage"],
  tail: readonly string[],
): string | undefined {
  if (stage === "base" || !tail.some((line) => REFUSED.test(line))) return undefined;
  return `the image that it is made on lets root in by no key, as a build does: ${LET_IN}`;
}

/**
 * Before anything boots.
 *
 * @param result of the stage that made what the image begins with
 * @throws StageFailure where it is known to let no build in
 */
export function requireWayIn(result: unknown): void {
  const why = shutOutBy(result);
  if (why === undefined) return;
  throw new StageFailure(`nothing can be built on the image that it is made on: ${why}`, {
    hint: LET_IN,
    exitCode: EXIT.wrongSettings,
  });
}
