import { existsSync } from "node:fs";

import type { Medium, Template } from "../plan/imageSpec";
import { inProject } from "../stages/project";

/** Says which file is needed, where it belongs, and how its checksum is given. */
export function missingSha256(
  template: Template,
  medium: Medium,
  file: string,
  urls: readonly string[],
): string {
  const place = existsSync(inProject(file))
    ? `it is there: ${file}`
    : urls.length > 0
      ? "it is fetched from kragle:isoUrls"
      : `put it at ${file}, or set kragle:isoPath or kragle:isoUrls`;
  return [
    `kragle:isoSha256: is missing; ${template.name} is installed from ${medium.iso} (${place}), whose SHA-256 has to be known`,
    `${medium.isoChecksum}; give it by "pulumi config set kragle:isoSha256 <64 digits>" or in the stack's file`,
  ].join(": ");
}
