import { existsSync } from "node:fs";
import { join } from "node:path";

import { EXIT, StageFailure } from "./failure";
import { isOwnProject, packageFolder } from "./project";
import { isAtLeast } from "./version";

/** The oldest Node that can `require` ECMAScript modules without a warning; package.json and setup/node.sh say the same. */
export const OLDEST_NODE = [22, 13] as const;

/**
 * Looks whether `./kragle`, by which stages are run, finds a Node; where the Pulumi CLI is called directly, nothing has done that yet.
 *
 * @param version of the Node that runs this
 * @throws StageFailure (exit code 3)
 */
export function requireNode(version = process.versions.node, folder = packageFolder): void {
  if (isAtLeast(version, OLDEST_NODE)) return;
  if (existsSync(join(folder, ".kragle/node/node_modules/.bin/node"))) return;
  throw new StageFailure(
    `this is Node ${version}, and kragle's stages need ${OLDEST_NODE.join(".")} or newer`,
    {
      hint: isOwnProject()
        ? "./kragle setup puts one into .kragle/node, or install a newer Node"
        : "install a newer Node, and let it come first in PATH",
      exitCode: EXIT.lacking,
    },
  );
}
