import type { Context } from "mocha";

import { docker } from "../../stages/container";

/** The newest tools image on this machine; without one, the test or suite is skipped and says so. */
export async function toolsImage(test: Context): Promise<string> {
  const images = await docker.listImages({ filters: { label: ["kragle.tools=1"] } });
  const [newest] = images.sort((a, b) => b.Created - a.Created);
  if (!newest) {
    console.log("      no tools image yet; any ./kragle up makes one");
    return test.skip();
  }
  return newest.Id;
}
