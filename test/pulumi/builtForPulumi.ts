import { BuiltClones, READY } from "../builtClones";
import { needPulumi } from "./pulumiProject";

/**
 * For a suite in which the real Pulumi CLI releases within seconds: what all its clones find in their stores, from before its first
 * test until after its last. Where there is no CLI, nothing is made and the suite is skipped.
 *
 * @param lay what is in the stores besides
 */
export function builtForPulumi(lay?: (built: BuiltClones) => Promise<void>): BuiltClones {
  const built = new BuiltClones(READY);
  before(async function () {
    await needPulumi(this);
    await built.open();
    await lay?.(built);
  });
  after(() => built.close());
  return built;
}
