import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { builderFolder } from "../host/project";

/** Gives a folder by links what a template of kragle's has but its template.json, as docs/templates.md does. */
export function linkTemplate(name: string, folder: string): void {
  const template = join(builderFolder, "templates", name);
  for (const part of readdirSync(template)) {
    if (part !== "template.json") symlinkSync(join(template, part), join(folder, part));
  }
}
