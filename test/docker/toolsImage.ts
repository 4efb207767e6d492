import type { Context } from "mocha";

import { readStackSettings } from "../../cli/stackSettings";
import { readInputFiles } from "../../preview/inputFiles";
import { toolsReference } from "../../preview/stackPlan";
import { parseSettings } from "../../settings/stack";
import { planImage } from "../../plan/imagePlan";
import { docker } from "../site";

/** The tools image of this very tree; other trees on the machine have their own. Where it is not made yet, the test or suite is skipped and says so. */
export async function toolsImage(test: Context): Promise<string> {
  const reference = treesToolsImage();
  const found = await docker
    .getImage(reference)
    .inspect()
    .catch(() => undefined);
  if (found) return reference;
  console.log(`      skipped: Docker has no ${reference} yet; ./kragle up makes it`);
  return test.skip();
}

export function treesToolsImage(): string {
  const spec = parseSettings(readStackSettings("dev").values, "dev");
  return toolsReference(spec, planImage(spec, readInputFiles(spec), null));
}
