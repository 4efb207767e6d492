import { join } from "node:path";

import { type BlockDevice, readBlockDevice } from "../disk/blockDevice";
import { type Claim, claimDevice, claimFile } from "../disk/claim";
import {
  askForName,
  type Consent,
  describeDevice,
  fileObjection,
  objection,
} from "../disk/confirm";
import { fileRefusals, ownReason } from "../disk/fileRefusals";
import { refusals } from "../disk/refusals";
import { findTarget, type Target } from "../disk/target";
import { readUsage } from "../disk/usage";
import { type Verification, type WriteFacts, writeSteps } from "../disk/writeImage";
import { formatSeconds, formatSize } from "../plan/units";
import { inspectImage } from "../executors/images";
import { type Site, thisSite } from "../executors/site";
import { readInputFiles } from "../infra/inputFiles";
import { toolsReference } from "../infra/plan";
import { planImage } from "../plan/imagePlan";
import { EXIT, StageFailure } from "../host/failure";
import { interruptible } from "../host/interrupt";
import type { ArtifactStore } from "../store/artifactStore";
import { openStore } from "../store/open";
import { ownFiles } from "./ownFiles";
import type { CommonOptions } from "./options";
import { lastRelease } from "./outputs";
import { readStack, readStackSettings } from "./stackSettings";
import { showSteps } from "./writeView";
import { print, say, tell } from "../host/output";

export interface WriteOptions extends CommonOptions, Consent {
  readonly verify: Verification;
  /** The target will be the disk of a virtual machine. */
  readonly virtual?: boolean;
}

interface ReleasedImage {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly virtualBytes: number;
}

const refuse = (message: string, hint?: string) =>
  new StageFailure(message, { hint, exitCode: EXIT.wrongSettings });

/** `kragle write TARGET`: writes a stack's released image to a block device or a file, verified. */
export async function write(given: string, options: WriteOptions): Promise<number> {
  const site = thisSite();
  const { outputs } = await lastRelease(options.stack);
  const image: ReleasedImage = {
    path: String(outputs.imagePath),
    sha256: String(outputs.imageSha256),
    bytes: Number(outputs.imageBytes),
    virtualBytes: Number(outputs.imageVirtualBytes),
  };
  const target = await findTarget(given);
  const device =
    target.kind === "device" ? await acceptDevice(site, target, image, options) : undefined;
  const judge = () => acceptFile(site, target, image);
  if (!device) await judge();
  const toolsImage = await findTools(site, options.stack, String(outputs.builderImageId));
  const claim = device
    ? await claimDevice(target.path)
    : await claimFile(
        target.path,
        { virtual: image.virtualBytes, data: image.bytes },
        join(site.home, "locks"),
        judge,
      );
  try {
    await confirm(target, device, image, options);
    return await interruptible(({ signal }) =>
      run(site, { ...image, toolsImage }, target, device, claim, options, signal),
    );
  } finally {
    await claim.release();
  }
}

/** The image in which the release was built; where that is gone, the one that the stack's next run would use. */
async function findTools(site: Site, stack: string, released: string): Promise<string> {
  if (await inspectImage(site, released)) return released;
  const { spec } = readStack(stack);
  const reference = toolsReference(spec, planImage(spec, readInputFiles(spec, null), null));
  if (await inspectImage(site, reference)) return reference;
  throw new StageFailure("the builder image of the release is gone from Docker", {
    hint: `./kragle up -s ${stack} makes it again`,
    exitCode: EXIT.lacking,
  });
}

/** @throws StageFailure with every reason why the file must not be written */
async function acceptFile(
  { home }: Site,
  { path, exists }: Target,
  { virtualBytes }: ReleasedImage,
): Promise<void> {
  const own = await ownReason(path, await ownFiles(home));
  if (own) throw refusal(path, [own], "give another name");
  const reasons = exists ? await fileRefusals(path, virtualBytes) : [];
  if (reasons.length === 0) return;
  throw refusal(path, reasons, "give another name, or remove that file first if nobody needs it");
}

const refusal = (path: string, reasons: readonly string[], hint?: string) =>
  refuse([`${path} is refused:`, ...reasons.map((reason) => `  ${reason}`)].join("\n"), hint);

/** @throws StageFailure with every reason why the device must not be written */
async function acceptDevice(
  { home }: Site,
  { path }: Target,
  image: ReleasedImage,
  options: WriteOptions,
): Promise<BlockDevice> {
  const device = await readBlockDevice(path);
  const reasons = refusals(device, image.virtualBytes, await readUsage());
  if (
    !options.virtual &&
    (await kernelOf(openStore(home), options.stack, image.sha256)) === "cloud"
  ) {
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
  const image = images.find(({ files }) => files.some((file) => file.sha256 === sha256));
  const bases = await store.manifests("base");
  const base = bases.find(({ key }) => key === image?.description.upstream.base);
  return (base?.description.inputs ?? readStackSettings(stack).values).kernel;
}

async function confirm(
  target: Target,
  device: BlockDevice | undefined,
  { virtualBytes }: ReleasedImage,
  options: WriteOptions,
): Promise<void> {
  const { path, exists } = target;
  const problem = device
    ? options.yes && objection(device, options)
    : fileObjection(target, virtualBytes, options);
  if (problem) throw refuse(`${path} is refused: ${problem}`);
  if (!exists || options.yes) return;
  const size = `${formatSize(virtualBytes)} (${virtualBytes} bytes)`;
  tell(`${device ? describeDevice(device) : `  file     ${path}\n  size     ${size}`}\n`);
  await askForName(path);
}

async function run(
  { docker }: Site,
  image: ReleasedImage & { readonly toolsImage: string },
  target: Target,
  device: BlockDevice | undefined,
  claim: Claim,
  { verify, json }: WriteOptions,
  signal: AbortSignal,
): Promise<number> {
  const facts: WriteFacts = { dataBytes: 0, verified: verify, backupTableMoved: false };
  const started = performance.now();
  const { toolsImage } = image;
  const steps = writeSteps(
    { docker, image, toolsImage, target, claim, verify, targetBytes: device?.bytes, signal },
    facts,
  );
  await showSteps(steps, json === true);
  const seconds = (performance.now() - started) / 1000;
  const { path } = target;
  if (json) {
    print(JSON.stringify({ target: path, imageSha256: image.sha256, seconds, ...facts }) + "\n");
  } else {
    say(
      `\n${path} has the image: ${formatSize(facts.dataBytes)} of data in ${formatSeconds(seconds)}, ` +
        `read back and compared (${facts.verified}).\n`,
    );
  }
  return EXIT.done;
}
