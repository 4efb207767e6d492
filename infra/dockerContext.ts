import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ignore from "@balena/dockerignore";
import canonicalize from "canonicalize";

import { inProject } from "../host/project";
import { fileDigest, filesBelow } from "./inputFiles";

/** The folder that Docker's builds see, relative to the project. */
export const CONTEXT = "builder";

/** The image that is left for use by hand. */
export const HAND_DOCKERFILE = "builder/Dockerfile";

/** The files of the context that the ignore file beside a Dockerfile lets through. */
export function contextFiles(dockerfile: string): string[] {
  const rules = `${inProject(dockerfile)}.dockerignore`;
  const filter = ignore().add(existsSync(rules) ? readFileSync(rules, "utf8") : "");
  return filesBelow(inProject(CONTEXT))
    .filter((name) => !filter.ignores(name))
    .sort();
}

/** What the image for use by hand is made of, as one digest. */
export function handImageDigest(parameters: Readonly<Record<string, string>>): string {
  const folder = inProject(CONTEXT);
  const files = Object.fromEntries(
    contextFiles(HAND_DOCKERFILE).map((name) => [name, fileDigest(join(folder, name))]),
  );
  return createHash("sha256").update(canonicalize({ files, parameters })!).digest("hex");
}
