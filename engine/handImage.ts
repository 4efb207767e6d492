import { provideBuilderBase } from "../executors/builderBase";
import { isLabelled } from "../executors/images";
import type { Site } from "../executors/site";
import { stopIfInterrupted } from "../host/interrupt";
import { CONTEXT, HAND_DOCKERFILE } from "../infra/dockerContext";
import { ARCHITECTURES } from "../plan/architecture";
import { DIGEST_LABEL, HAND_IMAGE } from "../plan/handImage";
import type { AnswerTo, handImage, RequestTo } from "../plan/stages/questions";
import { noteHandImage } from "../store/handImageNote";
import { buildDockerImage } from "./dockerImage";

/**
 * Sees to it that the daemon has the image for use by hand. Nothing depends on it, so that a failure is an answer.
 *
 * @param digest of all that the image is made of; one that bears it need not be built
 * @throws StageFailure where the run was interrupted
 */
export async function provideHandImage(
  site: Site,
  { reference, packer }: RequestTo<typeof handImage>,
  digest: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<AnswerTo<typeof handImage>> {
  try {
    if (await isLabelled(site, HAND_IMAGE, [DIGEST_LABEL, digest])) return { failed: null };
    await noteHandImage(site.home);
    const base = await provideBuilderBase(site, { reference }, { print, signal });
    const build = {
      ...{ context: CONTEXT, dockerfile: HAND_DOCKERFILE, target: "kragle" },
      platform: ARCHITECTURES.amd64.docker,
      args: { BASE: base.image, PACKER: packer, ...base.buildArgs },
    };
    const inputs = { imageName: HAND_IMAGE, build };
    await buildDockerImage(site, inputs, print, signal, { [DIGEST_LABEL]: digest });
    return { failed: null };
  } catch (error) {
    stopIfInterrupted(signal);
    const { message } = error as Error;
    print(`the image for use by hand could not be made, and nothing needs it: ${message}`);
    return { failed: message };
  }
}
