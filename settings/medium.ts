import { existsSync } from "node:fs";

import { inProject } from "../host/project";
import type { Medium, Template } from "../plan/imageSpec";
import type { Namespace } from "./namespace";

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
  namespace: Namespace,
): string {
  const place = existsSync(inProject(file))
    ? `it is there: ${file}`
    : urls.length > 0
      ? `it is fetched from ${full("isoUrls")}`
      : `put it at ${file}, or set ${full("isoPath")} or ${full("isoUrls")}`;
  return [
    `is missing; ${template.name} is installed from ${medium.iso} (${place}), whose SHA-256 has to be known`,
    namespace === null
      ? `${medium.isoChecksum}; give it as this argument`
      : `${medium.isoChecksum}; give it by "pulumi config set ${full("isoSha256")} <64 digits>" or in the stack's file`,
  ].join(": ");
}
