import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { StageFailure } from "../host/failure";
import { kragleVersion } from "../host/kragleVersion";
import { NAMES } from "./layout";
import { manifestOf } from "./manifest";
import { changesSince, type PreviousRelease } from "./previous";
import { provenance, type Resource } from "./provenance";
import { makeReport } from "./report";
import { encodeSbom } from "./sbom";
import type { ResultOf } from "../plan/stages/contract";
import type { release } from "../plan/stages/release";
import { findSigner, publicKeyFile, sign, type Signer } from "./signing";
import type { Declared, Sources } from "./sources";
import { rootBelow, type StageRun, stageRun } from "./stageRuns";
import { encodeSums } from "./sums";

export interface ReleaseInputs {
  readonly sources: Sources;
  /** Of every stage that the release has something of. */
  readonly runs: readonly StageRun[];
  readonly previous: PreviousRelease;
  /** The stack that releases, as `shortIdentity` tells it. */
  readonly owner: string;
  /** Where the copies are, and the description goes. */
  readonly folder: string;
  readonly invocationId: string;
  readonly containers: Containers;
}

/** Docker's id of the builder image, and which Docker images took part. */
export interface Containers {
  readonly builderImageId: string;
  readonly resources: readonly Resource[];
}

export interface Description {
  /** The content of `manifest.json`, and the stage's result. */
  readonly manifest: ResultOf<typeof release>;
  /** SHA-256 of every file that `SHA256SUMS` lists, by name. */
  readonly digests: ReadonlyMap<string, string>;
  /** The sums and their signature. */
  readonly unlisted: readonly string[];
}

/** Writes what describes a release beside its files: bill of materials, changes, provenance, report, manifest,
 * sums, signature. */
export async function describeRelease(
  declared: Declared,
  { sources, runs, previous, owner, folder, invocationId, containers }: ReleaseInputs,
): Promise<Description> {
  const { request, upstream } = declared;
  const { image, packages } = sources;
  const digests = new Map(sources.files.map(({ name, sha256 }) => [name, sha256]));
  const sizes = new Map(sources.files.map(({ name, bytes }) => [name, bytes]));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    if (name === NAMES.sums) return;
    digests.set(name, createHash("sha256").update(text).digest("hex"));
    sizes.set(name, Buffer.byteLength(text));
  };
  const json = (value: unknown) => JSON.stringify(value, null, 2) + "\n";

  const [signer, kragle] = await Promise.all([signerOf(declared), kragleVersion()]);
  const { imageSha256 } = upstream;
  const { imageName } = declared.inputs;
  const releasedAt = new Date().toISOString();
  await write(
    NAMES.sbom,
    encodeSbom(
      {
        ...{ imageName, imageSha256 },
        madeAt: image.manifest.publishedAt,
        kragleVersion: kragle.version,
      },
      packages,
      sources.packageFiles,
    ),
  );
  const changes = changesSince(previous, imageSha256, packages.packages);
  await write(NAMES.changes, json(changes));
  const statement = provenance({
    // the image and its conversions
    subjects: sources.files.filter(({ name }) => !name.includes("/")),
    parameters: request.parameters,
    stages: runs,
    inputs: {
      builder: request.builder,
      ...(sources.base ? { base: sources.base.description } : {}),
      ...Object.fromEntries(
        sources.below.map(({ description }, index) => [rootBelow(index), description]),
      ),
      image: image.manifest.description,
    },
    containers: containers.resources,
    kragle,
    tools: { packer: image.result.packer, qemu: image.result.qemu },
    accelerator: image.result.accelerator,
    invocationId,
    startedOn: stageRun("image", image.manifest).startedOn,
    finishedOn: releasedAt,
  });
  await write(NAMES.provenance, json(statement));
  await write(
    NAMES.report,
    await makeReport({
      ...{ declared, sources, previous, owner, runs, changes, releasedAt },
      provenance: statement,
      signer: signer?.fingerprint,
    }),
  );
  if (signer) {
    const { name, text } = publicKeyFile(signer);
    await write(name, text);
  }
  const manifest = manifestOf(declared, {
    ...{ sources, releasedAt, builderImageId: containers.builderImageId },
    signer: signer && { kind: signer.kind, fingerprint: signer.fingerprint },
    files: Object.fromEntries(digests),
    sizes: Object.fromEntries(sizes),
  });
  await write(NAMES.manifest, json(manifest));
  await write(NAMES.sums, encodeSums(digests));
  const signature = signer ? [await sign(request.signKey!, signer, folder)] : [];
  return { manifest, digests, unlisted: [NAMES.sums, ...signature] };
}

async function signerOf({ inputs, request }: Declared): Promise<Signer | null> {
  if (request.signKey === null) return null;
  const found = await findSigner(request.signKey);
  if (found.fingerprint === inputs.signer) return found;
  throw new StageFailure(
    `the signing key is another one than when this was planned: ${found.fingerprint} instead of ${inputs.signer}`,
    { hint: "run the same command again" },
  );
}
