import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Running, TaskResult } from "../../executors/executor";
import type { Machine } from "./driver";
import { type Backing, type MachineSize, MOUNTS, qemuCommand, SSH_PORT } from "./qemuCommand";
import { QemuGuest } from "./qemuGuest";
import { type Seed, seedFiles } from "./seed";
import { SshChannel } from "./sshChannel";

/** What QEMU takes besides the guest's memory: itself, translated code, device buffers. */
const QEMU_OWN_MIB = 768;

/** A container that runs QEMU, as whoever starts it has to know it. */
export interface QemuTask {
  readonly run: readonly string[];
  /** Folders on this machine into which it writes, by where it sees them. */
  readonly folders: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  readonly onStart: (running: Running) => void;
}

/** What a guest is made with besides its machine. */
export interface GuestPlace {
  /** Folder for overlays, sockets and seeds; absolute. */
  readonly scratch: string;
  /** Folder for the consoles' logs and pictures; absolute. */
  readonly logs: string;
  readonly size: MachineSize;
  /** What is under the overlay, as the container sees it; the image's own file where none is given. */
  readonly backing?: Backing;
  /** Whether the overlay has to be made. */
  readonly newDisk: boolean;
  /** Whether the guest reaches what its container reaches. */
  readonly outside?: boolean;
  /** Starts the container, and waits for its end. */
  readonly start: (task: QemuTask) => Promise<TaskResult>;
}

/** A guest that is switched off yet. */
export interface ContainerGuest {
  readonly guest: QemuGuest;
  /** Where the machine has a seed. */
  readonly ssh: SshChannel | undefined;
  /** To be called when the guest is gone. */
  close(): Promise<void>;
}

/** Makes a guest in a QEMU in a container. */
export async function containerGuest(machine: Machine, place: GuestPlace): Promise<ContainerGuest> {
  const { name, seed } = machine;
  const { scratch, logs, size, start } = place;
  const folder = (what: string) => join(scratch, `${name}-${what}`);
  const sockets = folder("sockets");
  await mkdir(sockets);
  // a socket's path may have 107 bytes at most, the store's is perhaps longer: an open folder has the short path /proc/self/fd/N
  const shortcut = await open(sockets);
  if (seed) await writeSeed(folder("seed"), seed);
  let running: Running | undefined;
  const run = () =>
    start({
      run: qemuCommand(machine, size, place),
      folders: {
        [MOUNTS.overlay]: join(scratch, "overlay"),
        [MOUNTS.logs]: logs,
        [MOUNTS.sockets]: sockets,
        ...(seed ? { [MOUNTS.seed]: folder("seed") } : {}),
      },
      memoryBytes: (size.memoryMiB + QEMU_OWN_MIB) * 2 ** 20,
      onStart: (started) => (running = started),
    });
  const ssh = seed && new SshChannel(() => running!.connect(SSH_PORT), seed.keys.private);
  return {
    guest: new QemuGuest(run, `/proc/self/fd/${shortcut.fd}`, ssh),
    ssh,
    close: () => shortcut.close(),
  };
}

async function writeSeed(folder: string, seed: Seed): Promise<void> {
  await mkdir(folder);
  for (const [name, text] of Object.entries(seedFiles(seed))) {
    await writeFile(join(folder, name), text);
  }
}
