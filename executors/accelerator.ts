import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import type { AcceleratorSetting } from "../plan/imageSpec";
import type { Site } from "./site";
import type { Accelerator, ProbeOptions } from "./executor";
import { BUILD_GID, BUILD_UID } from "./handOver";
import { requireImage } from "./images";
import { atomicWrite } from "../host/atomicWrite";
import { EXIT, StageFailure } from "../host/failure";
import { readRecord } from "../host/record";
import { CONFINED } from "./isolation";
import { runOwned } from "./ownedContainer";
import { builderFolder } from "../host/project";

const DEVICE = "/dev/kvm";
const SLOWNESS =
  "Guests run under software emulation (TCG), about ten times slower: minutes, not seconds, for each boot.";

/**
 * Chooses the accelerator by running a guest: a device that opens, or even creates a virtual machine, may still be useless.
 *
 * @returns the choice, and the reason as a sentence for the user
 * @throws StageFailure where "kvm" is asked for and cannot be used
 */
export async function probeAccelerator(
  site: Site,
  { setting, toolsImage }: ProbeOptions,
): Promise<{ accelerator: Accelerator; reason: string }> {
  if (setting === "tcg") return { accelerator: "tcg", reason: `TCG is set. ${SLOWNESS}` };
  const obstacle = await findObstacle(site, toolsImage);
  if (obstacle === null)
    return { accelerator: "kvm", reason: "KVM works: a test guest ran on it." };
  if (setting === "auto") {
    return { accelerator: "tcg", reason: `KVM cannot be used: ${obstacle}. ${SLOWNESS}` };
  }
  throw new StageFailure(`accelerator is set to kvm, but KVM cannot be used: ${obstacle}`, {
    hint: "mend that, or set accelerator to auto to go on under software emulation",
    exitCode: EXIT.lacking,
  });
}

/** The accelerator that a run will probably use, without trying it: for clocks that start before. */
export async function likelyAccelerator(
  { home }: Pick<Site, "home">,
  setting: AcceleratorSetting,
): Promise<Accelerator> {
  if (setting !== "auto") return setting;
  const works = (await stat(DEVICE).catch(() => undefined))?.isCharacterDevice() ?? false;
  return works && !(await readVerdict(cacheOf(home)))?.obstacle ? "kvm" : "tcg";
}

/** @returns why KVM is of no use here, or null where it works */
async function findObstacle({ home, docker }: Site, toolsImage: string): Promise<string | null> {
  const cacheFile = cacheOf(home);
  const device = await stat(DEVICE).catch(() => undefined);
  if (!device) return `this host has no ${DEVICE}`;
  if (device.isDirectory()) {
    return `${DEVICE} is a directory; Docker makes one for "-v ${DEVICE}" where the device is absent`;
  }
  if (!device.isCharacterDevice()) return `${DEVICE} is not a device`;
  const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const { id: imageId } = await requireImage({ docker }, toolsImage);
  // the device's change time: access rights or the kernel module may have been mended since the last probe
  const subject = `${bootId} ${imageId} ${device.ctimeMs}`;
  const known = await readVerdict(cacheFile);
  if (known?.subject === subject) return known.obstacle;
  const obstacle = await runProbe(docker, toolsImage, device.gid);
  await atomicWrite(cacheFile, JSON.stringify({ subject, obstacle }) + "\n");
  return obstacle;
}

/** Keeps the verdict for this boot of the machine, this image and this state of the device. */
const cacheOf = (home: string) => join(home, "accelerator.json");

const verdict = z.object({ subject: z.string(), obstacle: z.string().nullable() });

const readVerdict = (file: string) =>
  readRecord(file, verdict, "KVM is tried again when it is needed");

/** By hand it is imported; here its text is handed over, so that any tools image will do. */
const PROGRAM = join(builderFolder, "byhand/accelerator.py");

/** @returns why KVM is of no use, or null where the test guest reached its end in time */
async function runProbe(
  docker: Site["docker"],
  image: string,
  deviceGroup: number,
): Promise<string | null> {
  const printed: string[] = [];
  const exitCode = await runOwned(docker, {
    description: {
      Image: image,
      Entrypoint: ["python3", "-c", await readFile(PROGRAM, "utf8")],
      Cmd: [],
      User: `${BUILD_UID}:${BUILD_GID}`,
      HostConfig: {
        ...CONFINED,
        Devices: [{ PathOnHost: DEVICE, PathInContainer: DEVICE, CgroupPermissions: "rw" }],
        GroupAdd: [String(deviceGroup)],
        Tmpfs: { "/tmp": "rw,nosuid,nodev,mode=1777,size=1m" },
        NetworkMode: "none",
      },
    },
    request: {},
    onLine: (line) => printed.push(line),
  });
  const output = printed.join("\n").trim();
  return exitCode === 0 ? output || null : `the test guest could not be run: ${output}`;
}
