import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Artifact } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import type { ReleaseSettings } from "../stages/release/release";
import type { StageContext } from "../run/stage";
import { type Released, releasedFiles } from "./files";
import { type PackageList, parsePackageList } from "./packages";

/** Everything in the store that a release is made of. */
export interface Sources {
  /** Absent where the store has lost it; nothing is released from it. */
  readonly base?: Manifest;
  readonly image: Artifact;
  readonly check: Artifact;
  /** By name of the conversion. */
  readonly conversions: ReadonlyMap<string, Artifact>;
  readonly smoke?: Artifact;
  readonly packages: PackageList;
  readonly files: readonly Released[];
}

/** @throws ArtifactUnavailable where something that is released is not in the store */
export async function collectSources(context: StageContext<ReleaseSettings>): Promise<Sources> {
  const { settings, store } = context;
  const image = await store.artifact("image", settings.image.key);
  const conversions = new Map<string, Artifact>();
  for (const { name, key, fileName } of settings.conversions) {
    const conversion = await store.artifact("convert", key);
    if (!conversion.manifest.files.some(({ path }) => path === fileName)) {
      throw new Error(`${fileName} is missing`);
    }
    conversions.set(name, conversion);
  }
  const check = await store.artifact("check", settings.checkKey);
  const smoke = settings.smokeKey ? await store.artifact("smoke", settings.smokeKey) : undefined;
  const baseKey = image.manifest.description.upstream.base;
  const base = baseKey === undefined ? undefined : await store.lookup("base", baseKey);
  return {
    ...(base?.state === "present" ? { base: base.manifest } : {}),
    ...{ image, check, conversions },
    ...(smoke ? { smoke } : {}),
    packages: parsePackageList(await readFile(join(check.folder, "packages.json"), "utf8")),
    files: releasedFiles(image, [...conversions.values()], smoke ? [check, smoke] : [check]),
  };
}
