import { existsSync } from "node:fs";

import type { ImageSpec, Medium, Template } from "../plan/imageSpec";
import { findIso, missingIso } from "../host/iso";
import { inProject } from "../host/project";
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

/**
 * Says which file is needed, where it belongs, and how its checksum is given.
 *
 * @param full the full key of a setting
 */
export function missingSha256(
  template: Template,
  medium: Medium,
  file: string,
  urls: readonly string[],
  full: (name: string) => string,
): string {
  const place = existsSync(inProject(file))
    ? `it is there: ${file}`
    : urls.length > 0
      ? `it is fetched from ${full("isoUrls")}`
      : `put it at ${file}, or set ${full("isoPath")} or ${full("isoUrls")}`;
  return [
    `${full("isoSha256")}: is missing; ${template.name} is installed from ${medium.iso} (${place}), whose SHA-256 has to be known`,
    `${medium.isoChecksum}; give it by "pulumi config set ${full("isoSha256")} <64 digits>" or in the stack's file`,
  ].join(": ");
}
