import { inspectImage } from "../executors/images";
import type { Site } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { isOwnProject } from "../host/project";
import { planImage } from "../plan/imagePlan";
import { readInputFiles } from "../preview/inputFiles";
import { toolsReference } from "../preview/stackPlan";
import { readStack } from "./stackSettings";

/**
 * The Docker image with kragle's tools.
 *
 * @param released the one in which the stack's release was built, where there is a release; where that image is gone, the one that
 *   the stack's next run would use is taken
 * @throws StageFailure where there is neither
 */
export async function findTools(site: Site, stack: string, released?: string): Promise<string> {
  if (released !== undefined && (await inspectImage(site, released))) return released;
  // in another program's project nothing is known of what the next run would use
  const reference = isOwnProject() ? nextTools(stack) : undefined;
  if (reference !== undefined && (await inspectImage(site, reference))) return reference;
  const what = released === undefined ? "stack" : "release";
  throw new StageFailure(`the builder image of the ${what} is not in Docker`, {
    hint: `./kragle up -s ${stack} makes it`,
    exitCode: EXIT.lacking,
  });
}

function nextTools(stack: string): string {
  const { images } = readStack(stack, false).spec;
  const [first] = images;
  const plan = planImage(first!, readInputFiles(first!), null, images);
  return toolsReference(first!, plan);
}
