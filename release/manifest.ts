import { join } from "node:path";

import type { ResultOf } from "../plan/stages/contract";
import { IMAGE } from "../plan/stages/image";
import type { release } from "../plan/stages/release";
import type { smoke } from "../plan/stages/smoke";
import { NAMES } from "./layout";
import type { Declared, Sources } from "./sources";

interface ManifestFacts {
  readonly sources: Sources;
  readonly builderImageId: string;
  /** ISO 8601. */
  readonly releasedAt: string;
  readonly signer: { readonly kind: string; readonly fingerprint: string } | null;
  /** SHA-256 by name of every released file besides the manifest and the sums. */
  readonly files: Readonly<Record<string, string>>;
  /** Bytes of the same files. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** The content of `manifest.json`; paths as in the settings. The stack's outputs are taken from it. */
export function manifestOf(
  { key, inputs, upstream, request }: Declared,
  { sources, builderImageId, releasedAt, signer, files, sizes }: ManifestFacts,
): ResultOf<typeof release> {
  const { image, smoke: booted } = sources;
  const { identity, secrets: _, wayIn: __, ...tools } = image.result;
  const path = (name: string) => join(inputs.path, "output", name);
  const conversions = request.conversions.map(({ name, fileName }) => {
    const { sha256, bytes } = sources.files.find((file) => file.name === fileName)!;
    return [name, { path: path(fileName), sha256, bytes }] as const;
  });
  return {
    imagePath: path(inputs.imageName),
    imageSha256: upstream.imageSha256,
    imageBytes: image.manifest.files.find((file) => file.path === IMAGE)!.bytes,
    imageVirtualBytes: request.virtualBytes,
    conversions: Object.fromEntries(conversions),
    smoke: booted ? smokeFacts(booted.result) : { passed: false, driver: "none", seconds: {} },
    accelerator: tools.accelerator,
    ...identity,
    builderImageId,
    manifestPath: path(NAMES.manifest),
    reportPath: path(NAMES.report),
    key,
    releasedAt,
    signer,
    packages: sources.packages.packages.length,
    tools,
    files: { ...files },
    sizes: { ...sizes },
  };
}

function smokeFacts({ passed, driver, proof, boots }: ResultOf<typeof smoke>) {
  const seconds = Object.entries(boots).map(([name, boot]) => [name, boot.seconds] as const);
  const tests = Object.values(boots).flatMap(({ tests = [] }) => tests);
  return {
    ...{ passed, driver, seconds: boots.first!.seconds },
    ...(proof === "full" ? { boots: Object.fromEntries(seconds) } : {}),
    ...(tests.length > 0 ? { tests: tests.map(({ script }) => script) } : {}),
  };
}
