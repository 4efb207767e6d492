import { identityOf } from "../store/identity";
import { allRoots, Roots } from "../store/roots";

/** Stacks of this clone's own project, as tests name them. */

export const named = (stack: string) => ({ project: "kragle", stack });

export const ownerOf = (home: string, stack: string) => identityOf(home, named(stack));

export const rootsOf = (home: string, stack: string) => Roots.of(home, named(stack));

/** The stacks that have roots in a home. */
export const stacksIn = async (home: string): Promise<string[]> =>
  (await allRoots(home)).map(({ stack }) => stack).sort();
