import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { base } from "../plan/stages/base";
import { check, PACKAGE_FILES, PACKAGES } from "../plan/stages/check";
import type { InputsOf, RequestOf, UpstreamOf } from "../plan/stages/contract";
import { convert } from "../plan/stages/convert";
import { image, REMOVED } from "../plan/stages/image";
import { conversionUpstream, type release } from "../plan/stages/release";
import { smoke } from "../plan/stages/smoke";
import type { Artifact, ArtifactStore } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import { type ArtifactOf, artifactOf } from "../store/typed";
import { type Released, releasedFiles } from "./files";
import { type PackageFiles, packageFiles } from "../plan/packageFiles";
import { type PackageList, packageList } from "../plan/packages";
import { parseRemoved, type RemovedPath } from "./removed";

/** A release as it was declared. */
export interface Declared {
  readonly key: string;
  readonly inputs: InputsOf<typeof release>;
  readonly upstream: UpstreamOf<typeof release>;
  readonly request: RequestOf<typeof release>;
}

/** Everything in the store that a release is made of. */
export interface Sources {
  /** Absent where the store has lost it; nothing is released from it. */
  readonly base?: Manifest;
  /** Images on which this one was made, the lowest first, as far as the store has them. */
  readonly below: readonly Manifest[];
  readonly image: ArtifactOf<typeof image>;
  readonly check: ArtifactOf<typeof check>;
  /** By name of the conversion. */
  readonly conversions: ReadonlyMap<string, ArtifactOf<typeof convert>>;
  readonly smoke?: ArtifactOf<typeof smoke>;
  readonly packages: PackageList;
  /** What generalisation took away. */
  readonly removed: readonly RemovedPath[];
  readonly packageFiles: PackageFiles;
  readonly files: readonly Released[];
}

const read = ({ folder }: Artifact, file: string) => readFile(join(folder, file), "utf8");

/** @throws ArtifactUnavailable where something that is released is not in the store */
export async function collectSources(
  { inputs, upstream, request }: Declared,
  store: ArtifactStore,
): Promise<Sources> {
  const built = await artifactOf(store, image, request.imageKey);
  const conversions = new Map<string, ArtifactOf<typeof convert>>();
  for (const { name, stored } of request.conversions) {
    const conversion = await artifactOf(store, convert, upstream[conversionUpstream(name)]!);
    if (!conversion.manifest.files.some(({ path }) => path === stored)) {
      throw new Error(`${stored} is missing`);
    }
    conversions.set(name, conversion);
  }
  const checked = await artifactOf(store, check, upstream.check);
  const booted = upstream.smoke ? await artifactOf(store, smoke, upstream.smoke) : undefined;
  const below = await imagesBelow(store, built.manifest);
  const { base: baseKey } = (below[0] ?? built.manifest).description.upstream;
  const installed = baseKey === undefined ? undefined : await store.lookup(base.stage, baseKey);
  const evidence = booted ? [checked, booted] : [checked];
  return {
    ...(installed?.state === "present" ? { base: installed.manifest } : {}),
    ...{ below, image: built, check: checked, conversions },
    ...(booted ? { smoke: booted } : {}),
    packages: packageList.parse(JSON.parse(await read(checked, PACKAGES))),
    removed: parseRemoved(await read(built, REMOVED)),
    packageFiles: packageFiles.parse(JSON.parse(await read(checked, PACKAGE_FILES))),
    files: releasedFiles(
      [built, inputs.imageName],
      request.conversions.map((names) => [conversions.get(names.name)!, names]),
      evidence,
    ),
  };
}

/** The images on which one was made, the lowest first. */
async function imagesBelow(store: ArtifactStore, { description }: Manifest): Promise<Manifest[]> {
  const { image: key } = description.upstream;
  if (key === undefined) return [];
  const found = await store.lookup(image.stage, key);
  if (found.state !== "present") return [];
  return [...(await imagesBelow(store, found.manifest)), found.manifest];
}
