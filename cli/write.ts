import type { BlockDevice } from "../disk/blockDevice";
import { type Claim, claimDevice, claimFile } from "../disk/claim";
import {
  askForName,
  type Consent,
  describeDevice,
  fileObjection,
  objection,
} from "../disk/confirm";
import { findTarget, type Target } from "../disk/target";
import { type Verification, type WriteFacts, writeSteps } from "../disk/writeImage";
import { formatExactly, formatSeconds, formatSize } from "../plan/units";
import { type Site, thisSite } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { interruptible } from "../host/interrupt";
import { print, say, tell } from "../host/output";
import { acceptDevice, acceptFile, type ReleasedImage } from "./acceptTarget";
import type { CommonOptions } from "./options";
import { releaseOf } from "./lastRelease";
import { findTools } from "./toolsImage";
import { showSteps } from "./writeView";

export interface WriteOptions extends CommonOptions, Consent {
  readonly verify: Verification;
  /** Which one, where the stack has several. */
  readonly image?: string;
  /** The target will be the disk of a virtual machine. */
  readonly virtual?: boolean;
}

/** `kragle write TARGET`: writes a stack's released image to a block device or a file, verified. */
export async function write(given: string, options: WriteOptions): Promise<number> {
  const site = thisSite();
  const outputs = await releaseOf(options.stack, options.image);
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
  requireConsent(target, device, image, options);
  const toolsImage = await findTools(site, options.stack, String(outputs.builderImageId));
  const claim = device
    ? await claimDevice(target.path)
    : await claimFile(target.path, { virtual: image.virtualBytes, data: image.bytes }, judge);
  try {
    await confirm(target, device, image, options);
    return await interruptible(({ signal }) =>
      run(site, { ...image, toolsImage }, target, device, claim, options, signal),
    );
  } finally {
    await claim.release();
  }
}

/** A script's consent has to name the target; nothing else needs to be there to say what is wrong with it. */
function requireConsent(
  target: Target,
  device: BlockDevice | undefined,
  { virtualBytes }: ReleasedImage,
  options: WriteOptions,
): void {
  const problem = device
    ? options.yes && objection(device, options)
    : fileObjection(target, virtualBytes, options);
  if (!problem) return;
  const exitCode = EXIT.wrongSettings;
  throw new StageFailure(`${target.path} is refused: ${problem}`, { exitCode });
}

/** Asks whoever sits at the terminal, where nothing is said by options. */
async function confirm(
  { path, exists }: Target,
  device: BlockDevice | undefined,
  { virtualBytes }: ReleasedImage,
  { yes }: WriteOptions,
): Promise<void> {
  if (!exists || yes) return;
  tell(
    `${device ? describeDevice(device) : `  file     ${path}\n  size     ${formatExactly(virtualBytes)}`}\n`,
  );
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
