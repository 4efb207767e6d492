import { provideBuilderBase } from "../executors/builderBase";
import { findLabelled } from "../executors/images";
import type { Site } from "../executors/site";
import { stopIfInterrupted } from "../host/interrupt";
import { ARCHITECTURES } from "../plan/architecture";
import { DIGEST_LABEL, HAND_IMAGE } from "../plan/handImage";
import type { AnswerTo, handImage, RequestTo } from "../plan/stages/questions";
import { CONTEXT, HAND_DOCKERFILE } from "../preview/dockerContext";
import { noteHandImage } from "../store/handImageNote";
import { buildDockerImage } from "./dockerImage";

/**
 * Sees to it that the daemon has the image for use by hand, under a tag of its content and under its plain name. Other checkouts on the
 * daemon have images of their own, and the last one that was made has the plain name: nothing is made again for that. Nothing depends on
 * it, so that a failure is an answer.
 *
 * @param digest of all that the image is made of; one that bears it need not be built
 * @throws StageFailure where the run was interrupted
 */
export async function provideHandImage(
  site: Site,
  request: RequestTo<typeof handImage>,
  digest: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<AnswerTo<typeof handImage>> {
  try {
    const { labelled, latest } = await findLabelled(site, HAND_IMAGE, [DIGEST_LABEL, digest]);
    if (labelled && latest) return { failed: null };
    await noteHandImage(site.home);
    const id = labelled ?? (await build(site, request, digest, print, signal));
    await site.docker.getImage(id).tag({ repo: HAND_IMAGE, tag: "latest" });
    return { failed: null };
  } catch (error) {
    stopIfInterrupted(signal);
    const { message } = error as Error;
    print(`the image for use by hand could not be made, and nothing needs it: ${message}`);
    return { failed: message };
  }
}

/** @returns Docker's id of it */
async function build(
  site: Site,
  { reference, packer }: RequestTo<typeof handImage>,
  digest: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const base = await provideBuilderBase(site, { reference }, { print, signal });
  const inputs = {
    imageName: `${HAND_IMAGE}:${digest.slice(0, 12)}`,
    build: {
      ...{ context: CONTEXT, dockerfile: HAND_DOCKERFILE, target: "kragle" },
      platform: ARCHITECTURES.amd64.docker,
      args: { BASE: base.image, PACKER: packer, ...base.buildArgs },
    },
  };
  return buildDockerImage(site, inputs, print, signal, { [DIGEST_LABEL]: digest });
}
