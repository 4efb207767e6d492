import { requireDaemon } from "../../executors/daemon";
import { thisSite } from "../../executors/site";
import { displayPath } from "../../host/project";
import type { Firmware } from "../../plan/imageSpec";
import { imageFirst } from "../imageNames";
import { knownStack } from "../releasedImages";
import { findTools } from "../toolsImage";
import { bootSpec } from "./bootSpec";
import { chooseImage } from "./chooseImage";
import { look, requireTerminal } from "./look";

export interface BootOptions {
  readonly stack: string;
  readonly firmware?: Firmware;
  /** Let the guest reach the outside. */
  readonly network?: boolean;
  /** Stay on the serial console. */
  readonly console?: boolean;
  /** The command line that is run in place of a shell. */
  readonly exec?: string;
}

/** Where the container sees the image: a file alone, read-only. */
const IMAGE_AT = "/image/disk";

/**
 * `kragle boot [IMAGE] [FORMAT]`: boots a throw-away overlay of an image as the proof does, and gives a shell in it.
 *
 * @param first which image of the stack, if it has several; else a format of the release, or a file
 * @param second behind an image's name: a format of its release
 */
export async function boot(
  first: string | undefined,
  second: string | undefined,
  options: BootOptions,
): Promise<number> {
  const { stack, exec, console, network = false } = options;
  requireTerminal("boot", exec);
  const { images } = await knownStack(stack);
  const { image, word: given } = imageFirst(images, stack, first, second);
  const spec = await bootSpec(stack, image, given !== undefined);
  const { path, format, builtIn } = await chooseImage(stack, image, given);
  const site = thisSite();
  await requireDaemon(site);
  const toolsImage = await findTools(site, stack, builtIn);
  const firmware = options.firmware ?? spec.template.smoke.firmware[0];
  const disk = {
    title: displayPath(path),
    inputs: [{ at: IMAGE_AT, path, foreign: true }],
    backing: { file: IMAGE_AT, format },
  };
  return look(site, spec, { disk, firmware, toolsImage, outside: network }, { exec, console });
}
