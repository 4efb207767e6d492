import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { displayPath, inProject } from "../host/project";
import { ALGORITHMS, type PublishedDigest } from "../plan/publishedDigest";

/** A large file that a stack begins with: an installation ISO, or a disk that somebody else made. */
export interface WantedSource {
  readonly kind: SourceKind;
  /** Where the settings say that it lies, absolute or relative to the project's folder; null where it is only fetched. */
  readonly path: string | null;
  readonly digest: PublishedDigest;
}

export type SourceKind = "iso" | "disk";

/** How people call it, and the settings that name it. */
export const SOURCE_WORDS = {
  iso: { name: "installation ISO", path: "isoPath", urls: "isoUrls", digest: "isoSha256" },
  disk: { name: "disk", path: "from.path", urls: "from.url", digest: "from" },
} as const;

/**
 * Name of the folder in the store where fetched files lie, each named by its content, as its publisher tells that: `<digest>.iso`,
 * `<digest>.disk`; with what is known of those that were verified, `<digest>.json`, and what signed lists said last,
 * `<digest of what was asked>.list.json`.
 */
export const SOURCE_CACHE = "iso";

export const sourceCache = (home: string) => join(home, SOURCE_CACHE);

export const cachedSource = (home: string, { kind, digest }: Omit<WantedSource, "path">) =>
  join(sourceCache(home), `${digest.hex}.${kind}`);

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The file itself: where the settings say it lies, else in the cache; undefined where it has to be fetched, or is none. */
export function findSource(home: string, wanted: WantedSource): string | undefined {
  const own = wanted.path === null ? [] : [inProject(wanted.path)];
  return [...own, cachedSource(home, wanted)].find(isFile);
}

/** Whether the settings name something else than a file, such as a folder: then it is not fetched in its place either. */
export function isNoFile({ path }: Pick<WantedSource, "path">): boolean {
  return path !== null && existsSync(inProject(path)) && !isFile(inProject(path));
}

/** Which file is missing, or is none, where it belongs, and how its checksum is given. */
export function missingSource({ kind, path, digest }: WantedSource): StageFailure {
  const words = SOURCE_WORDS[kind];
  const file = path ?? `${digest.hex}.${kind}`;
  const shown = displayPath(inProject(file));
  const why = isNoFile({ path }) ? `${shown} is not a file` : `${shown} does not exist`;
  return new StageFailure(`the ${words.name} ${basename(file)} is missing: ${why}`, {
    hint: `put it there, or name it in the setting ${words.path}, or its addresses in ${words.urls}; its ${ALGORITHMS[digest.algorithm].title} is given in ${words.digest}, now ${digest.hex}`,
    exitCode: EXIT.lacking,
  });
}
