import type * as pulumi from "@pulumi/pulumi";

import { outputOf } from "../host/process";
import type { StackIdentity } from "../plan/identity";
import { dropsRoot, type Reach } from "../plan/invocation";
import { imageOfRoot } from "../plan/roots";
import { Roots } from "../store/roots";
import { settle } from "./givenArguments";

/** What an image was called before, by its aliases. One that is not known yet, or is about another parent, tells no name. */
export async function formerNames(
  name: string,
  { aliases = [] }: pulumi.ComponentResourceOptions,
): Promise<string[]> {
  const known = await Promise.all(aliases.map(settle));
  const names = known.map(({ found }) =>
    typeof found === "string"
      ? found.split("::").at(-1)
      : (found as pulumi.Alias | undefined)?.name,
  );
  return [...new Set(names)].filter((one) => typeof one === "string" && one !== name) as string[];
}

/**
 * Lets go of what the stack holds under an image's former names. Its resources are updated under their new name: none is deleted, which
 * would do the same, and this does what that would.
 */
export async function letGoOfFormer(
  home: string,
  owner: StackIdentity,
  { kragle }: Pick<Reach, "kragle">,
  formerly: readonly string[],
): Promise<void> {
  for (const root of (await new Roots(home, owner).list()).keys()) {
    const image = imageOfRoot(root);
    if (image === null || !formerly.includes(image)) continue;
    await outputOf(["sh", "-c", dropsRoot(kragle, owner, root)]);
  }
}
