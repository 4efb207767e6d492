import type { madeOn } from "../../plan/stages/image";

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
  return "the image that it is made on lets root in by no key, as a build does: take what shuts root out, such as sshd's PermitRootLogin no, from there into the last step of the images on it";
}
