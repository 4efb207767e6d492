import type { Stats } from "node:fs";
import { lstat, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { majorMinor } from "./usage";

/** What an image is to be written to: a block device, or a plain file that may be there already. */
export interface Target {
  readonly kind: "device" | "file";
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly exists: boolean;
}

const wrong = (message: string, hint?: string) =>
  new StageFailure(message, { hint, exitCode: EXIT.wrongSettings });

/** @throws StageFailure where the path leads to neither a block device nor a place for a file, or may mean either */
export async function findTarget(given: string): Promise<Target> {
  await refuseDeviceName(given);
  const path = resolve(given);
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isBlockDevice()) {
    await requireDevice(given, facts);
    return { kind: "device", path: await realpath(path), exists: true };
  }
  if (facts?.isFile()) return { kind: "file", path: await realpath(path), exists: true };
  if (facts) {
    throw wrong(`${given} is ${kindOf(facts)}, and neither a block device nor a file`);
  }
  if (await lstat(path).catch(() => undefined)) {
    throw wrong(`${given} is a symbolic link that leads nowhere`);
  }
  const folder = await realpath(dirname(path)).catch(() => {
    throw wrong(`${given}: there is no folder ${dirname(path)}`);
  });
  // /dev is a file system in memory: a mistyped device name would become a large file there
  if ((await stat(folder)).dev === (await stat("/dev")).dev) {
    throw wrong(`there is no device ${given}`, "lsblk lists the devices of this machine");
  }
  return { kind: "file", path: join(folder, basename(path)), exists: false };
}

/** A node can be there without its device, as in a container, or after that was unplugged. */
async function requireDevice(given: string, { rdev }: Stats): Promise<void> {
  if (await stat(`/sys/dev/block/${majorMinor(BigInt(rdev))}`).catch(() => undefined)) return;
  throw wrong(
    `${given} is the node of a device that this machine has not`,
    "lsblk lists the devices of this machine",
  );
}

/** Names that the kernel gives to disks and their partitions; of one that is not plugged in no file must be made either. */
const DISK_NAME =
  /^((s|h|v|xv)d[a-z]{1,2}\d*|(nvme\d+n|mmcblk|loop|nbd|md|dm-|sr|zram)\d+(p\d+)?)$/;

/** `sdb` may mean the disk or a file here: who writes a disk says which. */
async function refuseDeviceName(given: string): Promise<void> {
  if (given.includes("/")) return;
  const device = join("/dev", given);
  const facts = await stat(device).catch(() => undefined);
  const there = facts?.isBlockDevice() || facts?.isCharacterDevice();
  if (!there && !DISK_NAME.test(given)) return;
  throw wrong(
    there
      ? `${given} may mean the device ${device}, or a file here`
      : `${given} is the name of a disk, and there is no ${device}`,
    `write ${there ? `${device} for the device, ` : ""}./${given} for a file`,
  );
}

function kindOf(facts: Stats): string {
  if (facts.isDirectory()) return "a folder";
  if (facts.isFIFO()) return "a FIFO (a named pipe)";
  if (facts.isSocket()) return "a socket";
  return "a character device";
}
