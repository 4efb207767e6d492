import { EXIT } from "../host/failure";
import { homeFolder } from "../host/project";
import { Roots } from "../store/roots";

/** `kragle drop-root STACK ROOT`: what a command resource runs when it is deleted. The artifact stays for other stacks. */
export async function dropRoot(stack: string, root: string): Promise<number> {
  await new Roots(homeFolder()).drop(stack, root);
  return EXIT.done;
}
