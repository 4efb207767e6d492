import { stageKey } from "../plan/description";
import { builder } from "../plan/stages/builder";
import type { dockerBase, RequestTo } from "../plan/stages/questions";
import type { Roots } from "../store/roots";

/**
 * Notes which builder the stack uses, as the root "builder". Its images are Docker's and have no artifact in the store; the root has what
 * a later plan needs: the description, to tell what changed, and the time, to tell one build from the next.
 */
export async function claimBuilder(
  roots: Roots,
  { root, builder: description }: RequestTo<typeof dockerBase>,
): Promise<void> {
  const publishedAt = new Date().toISOString();
  const key = stageKey(description);
  await roots.set(root, { stage: builder.stage, key, publishedAt, description });
}
