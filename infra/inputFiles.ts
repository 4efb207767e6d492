import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import type { FileDigests, InputFiles } from "../plan/imagePlan";
import type { ImageSpec } from "../plan/imageSpec";
import { catalogueDigest } from "../stages/check/rules";
import { builderFolder, inProject } from "../stages/project";

/** Parts of the builder's context that the tools image does not contain. */
const NOT_TOOLS = /^(templates|provision)\/|(^|\/)__pycache__\/|\.dockerignore$/;

/** The part of a template folder that belongs to the image stage; the rest is the recipe of the base. */
const PACKER_PART = "image.json";

/** Reads the digests of every file that an image depends on. */
export function readInputFiles(spec: ImageSpec): InputFiles {
  const folder = inProject(spec.template.folder);
  const template = digests(folder, (name) => !name.includes("__pycache__/"));
  const { [PACKER_PART]: packerPart, ...base } = template;
  if (!packerPart) throw new Error(`the template ${spec.template.name} has no ${PACKER_PART}`);
  return {
    builder: digests(builderFolder, (name) => !NOT_TOOLS.test(name)),
    base,
    template: { [PACKER_PART]: packerPart },
    scripts: Object.fromEntries(
      Object.entries(provisioningScripts(spec)).map(([name, path]) => [
        name,
        digest(inProject(path)),
      ]),
    ),
    rules: catalogueDigest(),
  };
}

/**
 * The scripts of the image stage: name in the order of running → path. kragle's own come first (00 to 49) or
 * last (90 to 99, generalisation); the user's own are numbered from 50 in the order of the settings.
 */
export function provisioningScripts(spec: ImageSpec): Record<string, string> {
  const own = readdirSync(join(builderFolder, "provision"))
    .filter((name) => /^\d\d-/.test(name))
    .map((name) => [name, `builder/provision/${name}`] as const);
  const digits = String(spec.provision.length).length;
  const users = spec.provision.map((path, index) => {
    const number = String(index + 1).padStart(digits, "0");
    return [`50-${number}-${basename(path)}`, path] as const;
  });
  return Object.fromEntries([...own, ...users].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function digests(folder: string, wanted: (name: string) => boolean): FileDigests {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => wanted(name) && statSync(join(folder, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, digest(join(folder, name))]));
}

/** Content and executable bit: a script that lost it is another input. */
function digest(file: string): string {
  const executable = statSync(file).mode & 0o111 ? "x" : "-";
  return createHash("sha256").update(executable).update(readFileSync(file)).digest("hex");
}
