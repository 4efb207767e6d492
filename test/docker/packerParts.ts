import { existsSync } from "node:fs";
import { join } from "node:path";

import { builderFolder } from "../../host/project";
import { templateNames } from "../../settings/template";

/** By hand each goes by a short name, see builder/Dockerfile. */
const PARTS = [
  ["image.json", ""],
  ["install.json", "-install"],
] as const;

/** What Packer runs of every template: its path below `builder/`, and its short name. */
export const packerParts = templateNames()
  .flatMap((name) => PARTS.map(([file, end]) => [`templates/${name}/${file}`, name + end] as const))
  .filter(([path]) => existsSync(join(builderFolder, path)));
