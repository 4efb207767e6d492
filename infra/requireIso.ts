import type { ImageSpec } from "../plan/imageSpec";
import { findIso, missingIso } from "../host/iso";
import type { FullPlan } from "./plan";

/**
 * Returns the plan where its run can begin: where the base has to be installed from an ISO, that is there or can be fetched.
 *
 * @throws StageFailure (exit code 3) where the base has to be installed and its ISO is not there and nowhere to be fetched
 */
export function requireIso(home: string, { iso }: ImageSpec, plan: FullPlan): FullPlan {
  const installs = plan.observed.get("base")?.observation.state !== "present";
  if (installs && iso?.urls.length === 0 && !findIso(home, iso)) throw missingIso(iso);
  return plan;
}
