import { readFile, stat } from "node:fs/promises";

import { unescapeOctal } from "../host/mountPoints";
import { loopDevices } from "./loopDevices";
import { openFiles } from "./openFiles";

/** By device number ("8:1"): what the running system does with the device, such as "mounted at /boot". */
export type Usage = ReadonlyMap<string, readonly string[]>;

export interface Use {
  /** Device number as the kernel gives it; btrfs and other file systems without a device of their own have one with major 0. */
  readonly number?: string;
  /** Path of the device where one is named, else empty. */
  readonly source: string;
  readonly use: string;
}

/**
 * What is mounted or swapped to in this process's mount namespace, and what is used without a claim of the kernel's, as a virtual machine
 * uses its disk. For what others have mounted or claimed, `claimDevice` is refused.
 */
export async function readUsage(): Promise<Usage> {
  const uses: readonly Use[] = [
    ...parseMountInfo(await readFile("/proc/self/mountinfo", "utf8")),
    ...parseSwaps(await readFile("/proc/swaps", "utf8").catch(() => "")),
    ...loopDevices().map(({ device, backing }) => ({ source: backing, use: `behind ${device}` })),
    ...openDevices(),
  ];
  const found = new Map<string, string[]>();
  for (const { number, source, use } of uses) {
    for (const device of new Set([number, await deviceNumber(source)])) {
      if (device) found.set(device, [...(found.get(device) ?? []), use]);
    }
  }
  return found;
}

/** Devices that other processes may write to; those that only read, as udev does for moments, are in nobody's way. */
function* openDevices(): Generator<Use> {
  for (const open of openFiles()) {
    if (!open.facts.isBlockDevice() || !open.mayWrite) continue;
    const use = `open in ${open.process}, which may write to it`;
    yield { number: majorMinor(open.facts.rdev), source: "", use };
  }
}

/** The format is that of proc_pid_mountinfo(5). */
export function parseMountInfo(text: string): Use[] {
  return lines(text).map((line) => {
    const [mount, source] = line.split(" - ") as [string, string];
    const [, , number, , mountPoint] = mount.split(" ");
    return {
      number,
      source: unescapeOctal(source.split(" ")[1] ?? ""),
      use: `mounted at ${unescapeOctal(mountPoint!)}`,
    };
  });
}

/** The format is that of /proc/swaps, proc(5): a heading, then a line for each area. */
export function parseSwaps(text: string): Use[] {
  return lines(text)
    .slice(1)
    .map((line) => ({ source: unescapeOctal(line.split(/\s+/)[0]!), use: "used as swap" }));
}

const lines = (text: string) => text.split("\n").filter(Boolean);

/** Number of the block device that a path leads to, as "major:minor"; undefined where it leads to none. */
async function deviceNumber(path: string): Promise<string | undefined> {
  if (!path.startsWith("/")) return undefined;
  const facts = await stat(path, { bigint: true }).catch(() => undefined);
  if (!facts?.isBlockDevice()) return undefined;
  return majorMinor(facts.rdev);
}

/** A device number as the kernel writes it, such as "8:1". */
export function majorMinor(device: bigint): string {
  // glibc's encoding of dev_t, sys/sysmacros.h
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return `${major}:${minor & 0xffffffffn}`;
}
