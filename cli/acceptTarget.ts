import { dirname } from "node:path";

import { type BlockDevice, readBlockDevice } from "../disk/blockDevice";
import { fileRefusals, ownReason } from "../disk/fileRefusals";
import { refusals } from "../disk/refusals";
import type { Target } from "../disk/target";
import { readUsage } from "../disk/usage";
import type { Site } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { isOwnProject } from "../host/project";
import { releaseAround } from "../release/apart";
import { imageSettings } from "../settings/images";
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
  released: ReleasedImage,
  {
    stack,
    image,
    virtual,
  }: { readonly stack: string; readonly image?: string; readonly virtual?: boolean },
): Promise<BlockDevice> {
  const device = await readBlockDevice(path);
  const reasons = refusals(device, released.virtualBytes, await readUsage());
  const base = virtual ? undefined : await baseBelow(openStore(home), released.sha256);
  // the settings may have changed after it
  if (!virtual && (base ?? settingsOf(stack, image)).kernel === "cloud") {
    reasons.push(
      'the image has the cloud kernel, which lacks the drivers of real hardware (setting "kernel"); --virtual says that a virtual machine will use the disk',
    );
  }
  if (reasons.length === 0) return device;
  throw refusal(path, reasons);
}

type Values = Readonly<Record<string, unknown>>;

/** What the base of the image of this SHA-256 declared; undefined where one of them is gone. */
async function baseBelow(store: ArtifactStore, sha256: string): Promise<Values | undefined> {
  const images = await store.manifests("image");
  const made = images.find(({ files }) => files.some((file) => file.sha256 === sha256));
  let upstream = made?.description.upstream ?? {};
  // down to the image that is made on a base
  while (upstream.image !== undefined) {
    const on = images.find(({ key }) => key === upstream.image);
    upstream = on?.description.upstream ?? {};
  }
  const bases = await store.manifests("base");
  return bases.find(({ key }) => key === upstream.base)?.description.inputs;
}

/** @param name of the image, where the stack has several */
function settingsOf(stack: string, name: string | undefined): Values {
  if (!isOwnProject()) return {};
  const { images } = imageSettings(readStackSettings(stack).values);
  return (images.find((one) => one.name === name) ?? images[0])?.values ?? {};
}
