import { z } from "zod";

import type { StageDescription } from "../plan/description";
import { NAMES, OWNER, PACKAGE_LIST, UNLISTED } from "./layout";
import { ReleaseFolder } from "./verify/folder";
import { type InstalledPackage, packageList } from "../plan/packages";
import { type PackageChanges, comparePackages } from "./packages";
import { leadsOut } from "./sums";

/** Less than `verify` asks of a manifest: an earlier version may have written it. */
const manifestBefore = z.object({
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
  /** When the same stack released last, wherever that was, as far as the store knows. ISO 8601. */
  readonly stackReleasedAt?: string;
  readonly packages?: readonly InstalledPackage[];
  readonly changes?: PackageChanges;
  readonly stages: z.infer<
    typeof provenanceFile
  >["predicate"]["buildDefinition"]["internalParameters"]["stages"];
}

export async function readPrevious(output: string): Promise<PreviousRelease> {
  const folder = new ReleaseFolder(output);
  const read = <T>(name: string, schema: z.ZodType<T>) =>
    folder.json(name, schema).catch(() => undefined);
  const facts = await read(NAMES.manifest, manifestBefore);
  const statement = await read(NAMES.provenance, provenanceFile);
  const found = await folder.find(NAMES.manifest, undefined);
  return {
    files: [
      // others may write to the folder too
      ...Object.keys(facts?.files ?? {}).filter((name) => !leadsOut(name)),
      ...UNLISTED.filter((name) => name !== OWNER),
    ],
    ...("sha256" in found ? { manifestSha256: found.sha256 } : {}),
    imageSha256:
      facts && Object.values(facts.files).includes(facts.imageSha256)
        ? facts.imageSha256
        : undefined,
    releasedAt: facts?.releasedAt,
    packages: (await read(PACKAGE_LIST, packageList))?.packages,
    changes: await read(NAMES.changes, changesFile),
    stages: statement?.predicate.buildDefinition.internalParameters.stages ?? [],
  };
}

/** Whether a folder has a release, by the form of its manifest. */
export const isRelease = (output: string): Promise<boolean> =>
  new ReleaseFolder(output).json(NAMES.manifest, manifestBefore).then(
    () => true,
    () => false,
  );

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
