import { EXIT } from "../host/failure";
import { homeFolder } from "../host/home";
import type { StackIdentity } from "../plan/identity";
import { imageOfRoot, pointsRoot, rootOf } from "../plan/roots";
import { base } from "../plan/stages/base";
import { image } from "../plan/stages/image";
import { release } from "../plan/stages/release";
import { letGoOfFolder, outputFolder } from "../release/owner";
import { type Root, Roots } from "../store/roots";
import { markDestroyed } from "../store/stackRecord";
import { projectName, requireStackName } from "./stackSettings";

/**
 * `kragle drop-root STACK ROOT [PROJECT]`: what a command resource runs when it is deleted. The artifact stays for other stacks.
 *
 * @param project as the state has it; states of earlier versions do not tell, and mean this folder's own
 */
export async function dropRoot(
  stack: string,
  root: string,
  project = projectName(),
): Promise<number> {
  requireStackName(stack);
  const home = homeFolder();
  const roots = Roots.of(home, { project, stack });
  const held = (await roots.list()).get(root);
  if (held?.stage === release.stage) await letGoOf(home, held, roots.owner);
  await roots.drop(root);
  // no resource has this one; what a failed build has left lies on them
  const lies = [base.stage, image.stage].map((stage) => rootOf(imageOfRoot(root), stage));
  if (lies.includes(root)) await roots.drop(pointsRoot(root));
  if ((await roots.list()).size === 0) await markDestroyed(home, roots.owner);
  return EXIT.done;
}

/** Lets others release into the folder of a stack's release. */
export async function letGoOf(home: string, release: Root, owner: StackIdentity): Promise<void> {
  const path = release.description?.inputs.path;
  if (typeof path === "string") await letGoOfFolder(home, outputFolder(path), owner);
}
