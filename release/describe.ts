import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { ReleaseSettings } from "../stages/release/release";
import { StageFailure } from "../host/failure";
import type { StageContext } from "../run/stage";
import { findContainers } from "../stages/release/containers";
import { IMAGE_NAME, NAMES } from "./layout";
import { manifestOf } from "./manifest";
import { changesSince, type PreviousRelease } from "./previous";
import { provenance } from "./provenance";
import { makeReport } from "./report";
import { encodeSbom } from "./sbom";
import { findSigner, publicKeyFile, sign, type Signer } from "./signing";
import type { Sources } from "./sources";
import { stageRun } from "./stageRuns";
import { kragleVersion } from "./version";

export interface ReleaseInputs {
  readonly sources: Sources;
  readonly previous: PreviousRelease;
  /** Where the copies are, and the description goes. */
  readonly folder: string;
  readonly invocationId: string;
}

export interface Description {
  /** The content of `manifest.json`, and the stage's result. */
  readonly manifest: Record<string, unknown>;
  /** SHA-256 of every file that `SHA256SUMS` lists, by name. */
  readonly digests: ReadonlyMap<string, string>;
  /** The sums and their signature. */
  readonly unlisted: readonly string[];
}

/** Writes what describes a release beside its files: bill of materials, changes, provenance, report, manifest,
 * sums, signature. */
export async function describeRelease(
  context: StageContext<ReleaseSettings>,
  { sources, previous, folder, invocationId }: ReleaseInputs,
): Promise<Description> {
  const { settings } = context;
  const { image, packages } = sources;
  const digests = new Map(sources.files.map(({ name, sha256 }) => [name, sha256]));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    if (name !== NAMES.sums) digests.set(name, createHash("sha256").update(text).digest("hex"));
  };
  const json = (value: unknown) => JSON.stringify(value, null, 2) + "\n";

  const [signer, kragle] = await Promise.all([signerOf(settings), kragleVersion()]);
  const { builderImageId, resources } = await findContainers(
    settings.toolsImage,
    settings.baseImage,
  );
  const { sha256: imageSha256 } = settings.image;
  const releasedAt = new Date().toISOString();
  const runs = runsOf(sources);
  await write(
    NAMES.sbom,
    encodeSbom(
      {
        ...{ imageName: IMAGE_NAME, imageSha256 },
        madeAt: image.manifest.publishedAt,
        kragleVersion: kragle.version,
      },
      packages,
    ),
  );
  const changes = changesSince(previous, imageSha256, packages.packages);
  await write(NAMES.changes, json(changes));
  const statement = provenance({
    subjects: [
      { name: IMAGE_NAME, sha256: imageSha256 },
      ...[...sources.conversions.values()].flatMap(({ manifest }) =>
        manifest.files.map(({ path, sha256 }) => ({ name: path, sha256 })),
      ),
    ],
    parameters: settings.parameters,
    stages: runs,
    inputs: {
      builder: settings.builder,
      ...(sources.base ? { base: sources.base.description } : {}),
      image: image.manifest.description,
    },
    containers: resources,
    kragle,
    tools: toolVersions(image.manifest.result),
    accelerator: String(image.manifest.result.accelerator),
    invocationId,
    startedOn: stageRun("image", image.manifest).startedOn,
    finishedOn: releasedAt,
  });
  await write(NAMES.provenance, json(statement));
  await write(
    NAMES.report,
    await makeReport({
      ...{ settings, sources, previous, runs, changes, releasedAt },
      provenance: statement,
      signer: signer?.fingerprint,
    }),
  );
  if (signer) {
    const { name, text } = publicKeyFile(signer);
    await write(name, text);
  }
  const manifest = manifestOf(context, {
    ...{ sources, builderImageId, releasedAt },
    signer: signer && { kind: signer.kind, fingerprint: signer.fingerprint },
    files: Object.fromEntries(digests),
  });
  await write(NAMES.manifest, json(manifest));
  await write(NAMES.sums, [...digests].map(([name, sha256]) => `${sha256} *${name}\n`).join(""));
  const signature = signer ? [await sign(settings.signKey!, signer, folder)] : [];
  return { manifest, digests, unlisted: [NAMES.sums, ...signature] };
}

async function signerOf({ signKey, signer }: ReleaseSettings): Promise<Signer | null> {
  if (signKey === null) return null;
  const found = await findSigner(signKey);
  if (found.fingerprint === signer) return found;
  throw new StageFailure(
    `the signing key is another one than when this was planned: ${found.fingerprint} instead of ${signer}`,
    { hint: "run the same command again" },
  );
}

function runsOf({ base, image, check, conversions, smoke }: Sources) {
  return [
    ...(base ? [stageRun("base", base)] : []),
    stageRun("image", image.manifest),
    stageRun("check", check.manifest),
    ...[...conversions].map(([name, { manifest }]) => stageRun(`convert-${name}`, manifest)),
    ...(smoke ? [stageRun("smoke", smoke.manifest)] : []),
  ];
}

/** What the image stage says of its tools: Packer, QEMU. */
function toolVersions(result: Readonly<Record<string, unknown>>): Record<string, string> {
  const { packer, qemu } = result;
  const found = Object.entries({ packer, qemu });
  return Object.fromEntries(
    found.flatMap(([name, version]) => (typeof version === "string" ? [[name, version]] : [])),
  );
}
