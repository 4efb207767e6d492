import type { BaseImageRequest } from "../executors/builderBase";
import { type StageDescription, stageKey } from "../plan/description";
import type { Roots } from "../store/roots";

/** What the command has on its stdin beside the request. */
export interface BuilderRequest extends BaseImageRequest {
  readonly stack: string;
  readonly root: string;
  /** What the images that are built on it declare. */
  readonly builder: StageDescription;
}

/**
 * Notes which builder the stack uses. Its images are Docker's, not the store's: the root tells a later plan what changed, and one
 * build from the next.
 */
export async function claimBuilder(
  roots: Roots,
  { stack, root, builder }: BuilderRequest,
): Promise<void> {
  const publishedAt = new Date().toISOString();
  const key = stageKey(builder);
  await roots.set(stack, root, { stage: "builder", key, publishedAt, description: builder });
}
