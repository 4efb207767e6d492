import { join } from "node:path";

import type { ReleaseSettings } from "../stages/release/release";
import type { StageContext } from "../run/stage";
import { IMAGE_NAME, NAMES } from "./layout";
import type { Sources } from "./sources";
import type { BootFacts } from "../stages/smoke/smoke";

interface ManifestFacts {
  readonly sources: Sources;
  readonly builderImageId: string;
  /** ISO 8601. */
  readonly releasedAt: string;
  readonly signer: { readonly kind: string; readonly fingerprint: string } | null;
  /** SHA-256 by name of every released file besides the manifest and the sums. */
  readonly files: Readonly<Record<string, string>>;
}

/** The content of `manifest.json`; paths as in the settings. The stack's outputs are taken from it. */
export function manifestOf(
  { settings, key }: StageContext<ReleaseSettings>,
  { sources, builderImageId, releasedAt, signer, files }: ManifestFacts,
): Record<string, unknown> {
  const { image, smoke } = sources;
  const path = (name: string) => join(settings.path, "output", name);
  const conversions = settings.conversions.map(({ name, fileName }) => {
    const { files: converted } = sources.conversions.get(name)!.manifest;
    const { sha256, bytes } = converted.find((file) => file.path === fileName)!;
    return [name, { path: path(fileName), sha256, bytes }];
  });
  return {
    imagePath: path(IMAGE_NAME),
    imageSha256: settings.image.sha256,
    imageBytes: image.manifest.files.find((file) => file.path === "image.qcow2")!.bytes,
    imageVirtualBytes: settings.virtualBytes,
    conversions: Object.fromEntries(conversions) as object,
    smoke: smoke
      ? smokeFacts(smoke.manifest.result)
      : { passed: false, driver: "none", seconds: {} },
    accelerator: String(image.manifest.result.accelerator),
    builderImageId,
    manifestPath: path(NAMES.manifest),
    reportPath: path(NAMES.report),
    key,
    releasedAt,
    signer,
    packages: sources.packages.packages.length,
    tools: image.manifest.result,
    files,
  };
}

const smokeFacts = ({ passed, driver, seconds, proof, boots }: SmokeResult) => ({
  ...{ passed, driver, seconds },
  ...(proof === "full" ? { boots: secondsByBoot(boots as Record<string, BootFacts>) } : {}),
});

type SmokeResult = Readonly<Record<string, unknown>>;

const secondsByBoot = (boots: Readonly<Record<string, BootFacts>>) =>
  Object.fromEntries(Object.entries(boots).map(([name, boot]) => [name, boot.seconds]));
