import { readFile, stat } from "node:fs/promises";

import { isSameFile, readIfThere } from "../host/files";
import { loopDevices } from "./loopDevices";
import { openFiles } from "./openFiles";
import { majorMinor, parseMountInfo, parseSwaps } from "./usage";

/** Which file, whatever name leads to it. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What a file is used for, in sentences: as a disk, as swap, as a mount point, or by a process that has it open. */
export async function fileUses(path: string, identity: FileIdentity): Promise<string[]> {
  const mounts = parseMountInfo(await readFile("/proc/self/mountinfo", "utf8"));
  const swaps = parseSwaps(readIfThere("/proc/swaps"));
  const swapped = await Promise.all(swaps.map(({ source }) => identityOf(source)));
  const users = [...openFiles()].filter(({ facts }) => isSameFile(facts, identity));
  const loops = [];
  for (const loop of loopDevices()) {
    const backing = await identityOf(loop.backing);
    if (backing && isSameFile(backing, identity)) loops.push(loop);
  }
  return [
    ...loops.map(({ device, number }) => {
      const mounted = mounts.find((mount) => mount.number === number);
      return `it is the backing file of ${device}${mounted ? `, which is ${mounted.use}` : ""}`;
    }),
    ...(mounts.some(({ use }) => use === `mounted at ${path}`)
      ? ["something is mounted on it"]
      : []),
    ...(swapped.some((swap) => swap && isSameFile(swap, identity)) ? ["it is used as swap"] : []),
    ...new Set(users.map((user) => `${user.process} has it open`)),
    // of other users' processes only the kernel's list of locks tells
    ...(users.length === 0 && isLocked(readIfThere("/proc/locks"), identity)
      ? ["another process has it locked, as QEMU does with the disks of its guests"]
      : []),
  ];
}

export const identityOf = (path: string): Promise<FileIdentity | undefined> =>
  stat(path, { bigint: true }).catch(() => undefined);

/** @param locks the text of /proc/locks, proc(5): a lock ends with DEVICE:INODE START END, the device in hexadecimal digits */
export function isLocked(locks: string, { dev, ino }: FileIdentity): boolean {
  const [major, minor] = majorMinor(dev).split(":").map(Number) as [number, number];
  return [...locks.matchAll(/ ([0-9a-f]+):([0-9a-f]+):(\d+) \d+ \S+$/gm)].some(
    ([, ofMajor, ofMinor, inode]) =>
      parseInt(ofMajor!, 16) === major && parseInt(ofMinor!, 16) === minor && inode === String(ino),
  );
}
