import { dirname } from "node:path";

import { type BlockDevice, readBlockDevice } from "../disk/blockDevice";
import { fileRefusals, ownReason } from "../disk/fileRefusals";
import { refusals } from "../disk/refusals";
import type { Target } from "../disk/target";
import { readUsage } from "../disk/usage";
import type { Site } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { releaseAround } from "../release/apart";
import type { ArtifactStore } from "../store/artifactStore";
import { openStore } from "../store/open";
import { ownFiles } from "./ownFiles";
import { readStackSettings } from "./stackSettings";

/** An image as a release has it. */
export interface ReleasedImage {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly virtualBytes: number;
}

/** @throws StageFailure with every reason why the file must not be written */
export async function acceptFile(
  { home }: Site,
  { path, exists }: Target,
  { virtualBytes }: ReleasedImage,
): Promise<void> {
  const own = await ownReason(path, await ownFiles(home));
  if (own) throw refusal(path, [own], "give another name");
  // also that of another clone with a home of its own
  const around = await releaseAround(dirname(path));
  if (around) throw refusal(path, [`it lies in ${around}`], "give another name");
  const reasons = exists ? await fileRefusals(path, virtualBytes) : [];
  if (reasons.length === 0) return;
  throw refusal(path, reasons, "give another name, or remove that file first if nobody needs it");
}

const refusal = (path: string, reasons: readonly string[], hint?: string) =>
  new StageFailure([`${path} is refused:`, ...reasons.map((reason) => `  ${reason}`)].join("\n"), {
    hint,
    exitCode: EXIT.wrongSettings,
  });

/** @throws StageFailure with every reason why the device must not be written */
export async function acceptDevice(
  { home }: Site,
  { path }: Target,
  image: ReleasedImage,
  { stack, virtual }: { readonly stack: string; readonly virtual?: boolean },
): Promise<BlockDevice> {
  const device = await readBlockDevice(path);
  const reasons = refusals(device, image.virtualBytes, await readUsage());
  if (!virtual && (await kernelOf(openStore(home), stack, image.sha256)) === "cloud") {
    reasons.push(
      'the image has the cloud kernel, which lacks the drivers of real hardware (setting "kernel"); --virtual says that a virtual machine will use the disk',
    );
  }
  if (reasons.length === 0) return device;
  throw refusal(path, reasons);
}

/** The kernel that the artifact of this SHA-256 declared, since the settings may have changed after it; else the settings' own. */
async function kernelOf(store: ArtifactStore, stack: string, sha256: string): Promise<unknown> {
  const images = await store.manifests("image");
  let image = images.find(({ files }) => files.some((file) => file.sha256 === sha256));
  // down to the one that is made on a base
  const below = () => images.find(({ key }) => key === image?.description.upstream.image);
  while (below()) image = below();
  const bases = await store.manifests("base");
  const base = bases.find(({ key }) => key === image?.description.upstream.base);
  return (base?.description.inputs ?? readStackSettings(stack).values).kernel;
}
