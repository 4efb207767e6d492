import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import ignore from "@balena/dockerignore";
import canonicalize from "canonicalize";

import { inPackage } from "../host/project";
import type { BundleFile } from "../store/bundles";
import { fileDigest, filesBelow } from "./inputFiles";

/** The folder that Docker's builds see, relative to kragle's own. */
export const CONTEXT = "builder";

/** The image that runs the stages; this path of the Dockerfile has ignore rules of its own. */
const TOOLS_DOCKERFILE = "builder/tools.Dockerfile";

/** The image that is left for use by hand. */
export const HAND_DOCKERFILE = "builder/Dockerfile";

/** The files of the context that the ignore file beside a Dockerfile lets through. */
export function contextFiles(dockerfile: string): string[] {
  const rules = `${inPackage(dockerfile)}.dockerignore`;
  const filter = ignore().add(existsSync(rules) ? readFileSync(rules, "utf8") : "");
  return filesBelow(inPackage(CONTEXT))
    .filter((name) => !filter.ignores(name))
    .sort();
}

/** All that the image which runs the stages is made of, to be copied to where Docker sees it. */
export function toolsContext(): BundleFile[] {
  const own = [TOOLS_DOCKERFILE, `${TOOLS_DOCKERFILE}.dockerignore`].map((path) => basename(path));
  return [...contextFiles(TOOLS_DOCKERFILE), ...own].map((at) => ({
    at,
    source: join(inPackage(CONTEXT), at),
  }));
}

/** What the image for use by hand is made of, as one digest. */
export function handImageDigest(parameters: Readonly<Record<string, string>>): string {
  const folder = inPackage(CONTEXT);
  const files = Object.fromEntries(
    contextFiles(HAND_DOCKERFILE).map((name) => [name, fileDigest(join(folder, name))]),
  );
  return createHash("sha256").update(canonicalize({ files, parameters })!).digest("hex");
}
