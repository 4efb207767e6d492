import { existsSync } from "node:fs";
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

/** The file itself: where the settings say it lies, else in the cache; undefined where it has to be fetched. */
export function findSource(home: string, wanted: WantedSource): string | undefined {
  const own = wanted.path === null ? [] : [inProject(wanted.path)];
  return [...own, cachedSource(home, wanted)].find((file) => existsSync(file));
}

/** Which file is missing, where it belongs, and how its checksum is given. */
export function missingSource({ kind, path, digest }: WantedSource): StageFailure {
  const words = SOURCE_WORDS[kind];
  const file = path ?? `${digest.hex}.${kind}`;
  return new StageFailure(
    `the ${words.name} ${basename(file)} is missing: ${displayPath(inProject(file))} does not exist`,
    {
      hint: `put it there, or name it in the setting ${words.path}, or its addresses in ${words.urls}; its ${ALGORITHMS[digest.algorithm].title} is given in ${words.digest}, now ${digest.hex}`,
      exitCode: EXIT.lacking,
    },
  );
}
