import { z } from "zod";

import type { StageDescription } from "../plan/description";
import { IMAGE_NAME, NAMES, OWNER, PACKAGE_LIST, UNLISTED } from "./layout";
import { ReleaseFolder } from "./verify/folder";
import type { InstalledPackage } from "../plan/packages";
import { type PackageChanges, comparePackages, parsePackageList } from "./packages";

const manifestFile = z.object({
  files: z.record(z.string(), z.string()),
  imageSha256: z.string(),
  releasedAt: z.string(),
});

const changesFile = z.custom<PackageChanges>((value) =>
  ["added", "removed", "changed"].every((name) => Array.isArray((value as never)?.[name])),
);

const provenanceFile = z.object({
  predicate: z.object({
    buildDefinition: z.object({
      internalParameters: z.object({
        stages: z.array(
          z.object({
            root: z.string(),
            key: z.string(),
            description: z.custom<StageDescription>((value) => typeof value === "object"),
            finishedOn: z.string(),
          }),
        ),
      }),
    }),
  }),
});

/** What the release before left in PATH/output, as far as it can be read; a damaged one counts as none. */
export interface PreviousRelease {
  /** Its files, relative to PATH/output. */
  readonly files: readonly string[];
  /** Of its `manifest.json`, which names the files. */
  readonly manifestSha256?: string;
  readonly imageSha256?: string;
  readonly releasedAt?: string;
  readonly packages?: readonly InstalledPackage[];
  readonly changes?: PackageChanges;
  readonly stages: z.infer<
    typeof provenanceFile
  >["predicate"]["buildDefinition"]["internalParameters"]["stages"];
}

export async function readPrevious(output: string): Promise<PreviousRelease> {
  const folder = new ReleaseFolder(output);
  const read = async <T>(name: string, parse: (text: string) => T): Promise<T | undefined> => {
    try {
      return parse((await folder.content(name)).toString());
    } catch {
      return undefined;
    }
  };
  const json =
    <T>(schema: z.ZodType<T>) =>
    (text: string) =>
      schema.parse(JSON.parse(text));
  const facts = await read(NAMES.manifest, json(manifestFile));
  const statement = await read(NAMES.provenance, json(provenanceFile));
  const found = await folder.find(NAMES.manifest, undefined);
  // others may write to the folder too: a name from its manifest must not lead out of it
  const isInside = (name: string) => !name.startsWith("/") && !name.split("/").includes("..");
  return {
    files: [
      ...Object.keys(facts?.files ?? {}).filter(isInside),
      ...UNLISTED.filter((name) => name !== OWNER),
    ],
    ...("sha256" in found ? { manifestSha256: found.sha256 } : {}),
    imageSha256: facts?.files[IMAGE_NAME] && facts.imageSha256,
    releasedAt: facts?.releasedAt,
    packages: (await read(PACKAGE_LIST, parsePackageList))?.packages,
    changes: await read(NAMES.changes, json(changesFile)),
    stages: statement?.predicate.buildDefinition.internalParameters.stages ?? [],
  };
}

/** Whether a folder has a release, by the form of its manifest. */
export const isRelease = async (output: string): Promise<boolean> =>
  (await readPrevious(output)).releasedAt !== undefined;

/** How the packages changed since the release before; a release that is only repeated keeps what it said then. */
export function changesSince(
  previous: PreviousRelease,
  imageSha256: string,
  packages: readonly InstalledPackage[],
): PackageChanges {
  const { imageSha256: before, releasedAt } = previous;
  if (before === imageSha256 && previous.changes) return previous.changes;
  if (before === undefined || before === imageSha256 || !previous.packages) {
    const nothing = { added: [], removed: [], changed: [] };
    return { previousImageSha256: null, previousReleasedAt: null, ...nothing };
  }
  return {
    previousImageSha256: before,
    previousReleasedAt: releasedAt ?? null,
    ...comparePackages(previous.packages, packages),
  };
}
