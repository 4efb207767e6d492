import { StageFailure } from "../host/failure";
import { sha256File } from "../host/files";
import { dataBytes, type Extent, parseMap } from "./extents";
import { isDirect, onTarget, type Writing } from "./onTarget";
import { compareStored, compareWhole, type Report } from "./readBack";
import { IMAGE, runTool, TARGET } from "./tools";

export type Verification = "quick" | "full";

export interface WriteRequest extends Writing {
  readonly image: Writing["image"] & { readonly sha256: string };
  /** Bytes of a device. */
  readonly targetBytes?: number;
  /** quick reads back what the image stores; full reads the whole disk, the zeroes between too. */
  readonly verify: Verification;
}

export interface WriteStep {
  readonly title: string;
  readonly run: (report: Report) => Promise<void>;
}

/** What a finished write did. */
export interface WriteFacts {
  /** Bytes that the image stores; the rest of the disk was zeroed. */
  dataBytes: number;
  verified: Verification;
  /** Whether the backup partition table had to move to the end of a larger disk. */
  backupTableMoved: boolean;
}

const GPT_SIGNATURE = "EFI PART";
const SECTOR_BYTES = 512;

/**
 * The steps that write an image to a claimed target. From the second step on the target's old content is lost; a step that
 * fails leaves a device incomplete, which its message says.
 *
 * @param facts is filled in as the steps run
 */
export function writeSteps(request: WriteRequest, facts: WriteFacts): WriteStep[] {
  const { image, claim, targetBytes = image.virtualBytes } = request;
  let extents: Extent[] = [];
  const steps: WriteStep[] = [
    {
      title: "check the image",
      run: async () => {
        [extents] = await Promise.all([checkAndMap(request), proveDigest(image)]);
        facts.dataBytes = dataBytes(extents);
      },
    },
    {
      title: "write",
      run: async (report) => {
        const share = (done: number) => report(done * facts.dataBytes, facts.dataBytes);
        await onTarget(request, await writeCommand(request), share);
        await claim.handle.sync();
      },
    },
    {
      title: "read back and compare",
      run: async (report) => {
        // what is compressed in the image only qemu-img can read
        const stored = extents.every(({ offset }) => offset !== undefined);
        facts.verified = stored ? request.verify : "full";
        if (facts.verified === "full") await compareWhole(request, report);
        else await compareStored(request, extents, (done) => report(done, facts.dataBytes));
      },
    },
  ];
  if (targetBytes > image.virtualBytes) {
    steps.push({
      title: "move the backup partition table to the disk's end",
      run: async () => {
        facts.backupTableMoved = await moveBackupTable(request);
      },
    });
  }
  return [...steps, { title: "finish", run: () => claim.finish() }];
}

async function proveDigest({ path, sha256 }: WriteRequest["image"]): Promise<void> {
  const found = await sha256File(path).catch((error: Error) => {
    throw new StageFailure(`the image cannot be read: ${error.message}`);
  });
  if (found === sha256) return;
  throw new StageFailure(
    `${path} is not the released image: its SHA-256 was ${sha256} and is ${found}`,
    { hint: "run ./kragle up, which lays it out again from the store" },
  );
}

/** @returns what the image stores */
async function checkAndMap(request: WriteRequest): Promise<Extent[]> {
  const { docker, image, toolsImage, claim, signal } = request;
  const script = `qemu-img check -q -f qcow2 ${IMAGE} && exec qemu-img map --output=json -f qcow2 ${IMAGE}`;
  const lines: string[] = [];
  const exitCode = await runTool({
    ...{ docker, toolsImage, signal, image: image.path },
    ...{ claimed: claim.path, usesTarget: false },
    command: ["sh", "-c", script],
    onLine: (line) => lines.push(line),
  });
  if (exitCode === 0) return parseMap(lines.join("\n"));
  throw new StageFailure(`the image is damaged: ${lines.join("\n")}`);
}

async function writeCommand(request: WriteRequest): Promise<string[]> {
  const convert = [
    // -n: onto an existing target; qemu-img zeroes it first, by the device's own command where it has one
    ...["qemu-img", "convert", "-p", "-n", "-f", "qcow2", "-O", "raw"],
    ...["-t", (await isDirect(request)) ? "none" : "writeback", "-W", "-m", "16", IMAGE, TARGET],
  ];
  if (request.target.kind === "file") return convert;
  // old signatures go first, also those of RAID at the end of a larger disk: after a write that is cut off, nothing must look valid
  const script = `wipefs --all --force --quiet ${TARGET} && exec "$@"`;
  return ["sh", "-c", script, "write", ...convert];
}

/**
 * Moves the GPT's backup, which has to be in the last sectors, to the end of a larger disk.
 *
 * @returns whether the image has a GPT at all
 */
async function moveBackupTable(request: WriteRequest): Promise<boolean> {
  const signature = Buffer.alloc(GPT_SIGNATURE.length);
  await request.claim.handle.read(signature, 0, signature.length, SECTOR_BYTES);
  if (signature.toString("latin1") !== GPT_SIGNATURE) return false;
  const quiet = "--no-reread --no-tell-kernel";
  const script = `sfdisk --quiet --relocate gpt-bak-std ${quiet} ${TARGET} && exec sfdisk --quiet --verify ${TARGET}`;
  await onTarget(request, ["sh", "-c", script]);
  return true;
}
