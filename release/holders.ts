import { resolve } from "node:path";

import { allRoots, type HeldRoots, releasesIn } from "../store/roots";

/** A stack that has its release in a folder. */
export interface Holder {
  readonly holder: NonNullable<HeldRoots["owner"]>;
  /** Of the release's stage. */
  readonly key: string;
  /** PATH/output, absolute. */
  readonly output: string;
}

/** The stacks of a home that have a release, as their roots have it; what a copy of the home holds lies in the original. */
export async function stacksReleasing(home: string): Promise<Holder[]> {
  return (await allRoots(home)).flatMap(({ owner: holder, roots }) => {
    if (!holder) return [];
    return releasesIn(roots).flatMap(([, { key, folder, description }]) => {
      const path = description?.inputs.path;
      if (typeof path !== "string") return [];
      return [{ holder, key, output: resolve(folder ?? holder.path, path, "output") }];
    });
  });
}
