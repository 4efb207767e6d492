import { existsSync } from "node:fs";
import { basename, join } from "node:path";

import { EXIT, StageFailure } from "./failure";
import { displayPath, inProject } from "./project";

/** An installation ISO that a stack asks for. */
export interface WantedIso {
  /** Where the settings say that it lies, absolute or relative to the project's folder. */
  readonly path: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** Name of the folder in the store where fetched ISOs lie, each named by its content, and what is known of verified ones: `<sha256>.iso`, `<sha256>.json`. */
export const ISO_CACHE = "iso";

export const isoCache = (home: string) => join(home, ISO_CACHE);

export const cachedIso = (home: string, sha256: string) => join(isoCache(home), `${sha256}.iso`);

/** The file to install from: where the settings say it lies, else in the cache; undefined where it has to be fetched. */
export function findIso(home: string, { path, sha256 }: WantedIso): string | undefined {
  return [inProject(path), cachedIso(home, sha256)].find((file) => existsSync(file));
}

/** Which file is missing, where it belongs, and how its checksum is given. */
export function missingIso({ path, sha256 }: WantedIso): StageFailure {
  return new StageFailure(
    `the installation ISO ${basename(path)} is missing: ${displayPath(inProject(path))} does not exist`,
    {
      hint: `put it there, or name it in the setting isoPath, or its addresses in isoUrls; its SHA-256 is given in isoSha256, now ${sha256}`,
      exitCode: EXIT.lacking,
    },
  );
}
