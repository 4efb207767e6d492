import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Context } from "mocha";

import { Clone } from "./clone";
import { isFullTier } from "./fullTier";

let clone: Clone | undefined;

/**
 * One clone for every suite that needs a built image: the first that runs builds it, the others find it in the clone's store.
 * Where KRAGLE_TEST_STORE names a filled `.kragle`, a copy of its results spares that build.
 */
export function sharedClone(): Clone {
  if (clone) return clone;
  clone = new Clone();
  const filled = process.env.KRAGLE_TEST_STORE;
  if (filled) {
    mkdirSync(clone.path(".kragle"));
    execFileSync("cp", ["-a", "--sparse=always", join(filled, "store"), clone.path(".kragle/")]);
    // what they released lies in another folder
    const results = clone.path(".kragle/store");
    for (const name of readdirSync(results).filter((each) => each.startsWith("release-"))) {
      rmSync(join(results, name), { recursive: true });
    }
  }
  return clone;
}

/** The same for a suite that only the full tier runs, since it builds for minutes. */
export function sharedCloneInFullTier(test: Context): Clone {
  if (!isFullTier) test.skip();
  return sharedClone();
}

after("remove the shared clone", function () {
  // it has images; a machine that is busy takes its time
  this.timeout(120_000);
  clone?.remove();
});
