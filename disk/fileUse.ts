import { readdirSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { isSameFile, readIfThere } from "../host/files";
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
  const users = openedBy(identity);
  return [
    ...(await loopDevices(identity)).map(({ device, number }) => {
      const mounted = mounts.find((mount) => mount.number === number);
      return `it is the backing file of ${device}${mounted ? `, which is ${mounted.use}` : ""}`;
    }),
    ...(mounts.some(({ use }) => use === `mounted at ${path}`)
      ? ["something is mounted on it"]
      : []),
    ...(swapped.some((swap) => swap && isSameFile(swap, identity)) ? ["it is used as swap"] : []),
    ...users,
    // of other users' processes only the kernel's list of locks tells
    ...(users.length === 0 && isLocked(readIfThere("/proc/locks"), identity)
      ? ["another process has it locked, as QEMU does with the disks of its guests"]
      : []),
  ];
}

export const identityOf = (path: string): Promise<FileIdentity | undefined> =>
  stat(path, { bigint: true }).catch(() => undefined);

/** Loop devices by the file behind them, from sysfs, which does not need a node in /dev. */
async function loopDevices(identity: FileIdentity) {
  const names = namesIn("/sys/block").filter((name) => name.startsWith("loop"));
  const found: { device: string; number: string }[] = [];
  for (const name of names) {
    const folder = join("/sys/block", name);
    const file = readIfThere(join(folder, "loop/backing_file")).trimEnd();
    const backing = file ? await identityOf(file) : undefined;
    if (backing && isSameFile(backing, identity)) {
      found.push({ device: `/dev/${name}`, number: readIfThere(join(folder, "dev")).trim() });
    }
  }
  return found;
}

/** Processes that have the file open, as far as this user may see: proc_pid_fd(5). */
function openedBy(identity: FileIdentity): string[] {
  const users: string[] = [];
  for (const pid of namesIn("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const folder = join("/proc", pid, "fd");
    const open = namesIn(folder).some((descriptor) => {
      try {
        return isSameFile(statSync(join(folder, descriptor), { bigint: true }), identity);
      } catch {
        return false;
      }
    });
    if (open) users.push(`process ${pid} (${readIfThere(`/proc/${pid}/comm`).trim()}) has it open`);
  }
  return users;
}

/** @param locks the text of /proc/locks, proc(5): a lock ends with DEVICE:INODE START END, the device in hexadecimal digits */
export function isLocked(locks: string, { dev, ino }: FileIdentity): boolean {
  const [major, minor] = majorMinor(dev).split(":").map(Number) as [number, number];
  return [...locks.matchAll(/ ([0-9a-f]+):([0-9a-f]+):(\d+) \d+ \S+$/gm)].some(
    ([, ofMajor, ofMinor, inode]) =>
      parseInt(ofMajor!, 16) === major && parseInt(ofMinor!, 16) === minor && inode === String(ino),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
