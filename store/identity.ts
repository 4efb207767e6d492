import { thisClone } from "../host/clone";
import { pulumiBackend } from "../host/pulumiBackend";
import type { StackIdentity, StackName } from "../plan/identity";

/**
 * A stack of this clone, on the backend that is in use.
 *
 * @param home the `.kragle` folder
 */
export const identityOf = (home: string, { project, stack }: StackName): StackIdentity => ({
  clone: thisClone().id,
  backend: pulumiBackend(home),
  project,
  stack,
});
