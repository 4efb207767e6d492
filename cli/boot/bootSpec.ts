import { dirname } from "node:path";

import { isOwnProject } from "../../host/project";
import type { ImageSpec } from "../../plan/imageSpec";
import { releasedSettings } from "../../release/settings";
import { parseSettings } from "../../settings/stack";
import { oneImage } from "../imageNames";
import { releaseOf } from "../lastRelease";
import { readStack } from "../stackSettings";

/** What of an image's settings its boot goes by. */
const NEEDED = ["template", "memory", "cpus", "accelerator", "timeouts"];

/**
 * How an image is booted: by the stack's settings, or, where they stand in a program that only Pulumi runs, by those of its release.
 *
 * @param name of the image, where the stack has several
 * @param isOther whether a file or a format is named, which needs no release of this stack
 */
export async function bootSpec(
  stack: string,
  name: string | undefined,
  isOther: boolean,
): Promise<ImageSpec> {
  if (isOwnProject()) {
    const { spec } = readStack(stack, false);
    return isOther && name === undefined ? spec.images[0]! : oneImage(spec, stack, name);
  }
  const released = releaseOf(stack, name).then(({ manifestPath }) =>
    releasedSettings(dirname(String(manifestPath))),
  );
  const settings = await (isOther ? released.catch(() => undefined) : released);
  const needed = Object.entries(settings ?? {}).filter(([setting]) => NEEDED.includes(setting));
  return parseSettings(Object.fromEntries(needed), stack);
}
