import { chmod, chown, mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { sha256File } from "../../host/files";
import { BUILD_GID, BUILD_UID } from "../../executors/container";
import { connectInContainer, type RunningContainer } from "../../executors/containerPort";
import { image, IMAGE } from "../../plan/stages/image";
import { chooseAccelerator } from "../../run/chooseAccelerator";
import { artifactOf } from "../../store/typed";
import { handToContainer } from "../../executors/handOver";
import type { Driver, Machine, SmokeContext } from "./driver";
import { MOUNTS, qemuCommand, SSH_PORT } from "./qemuCommand";
import { QemuGuest } from "./qemuGuest";
import { type Seed, seedFiles } from "./seed";
import { SshChannel } from "./sshChannel";

/** What QEMU takes besides the guest's memory: itself, translated code, device buffers. */
const QEMU_OWN_MIB = 768;

/** The driver qemu: a QEMU in an unprivileged container without a network. */
export async function containerDriver(context: SmokeContext): Promise<Driver> {
  const { inputs, request, work, logs, store, container } = context;
  const { memoryMiB, cpus } = inputs;
  const { toolsImage } = request;
  const artifact = await artifactOf(store, image, request.imageKey);
  const { accelerator, scale } = await chooseAccelerator(context);
  // everything of the boots but the logs
  const scratch = join(work, "boots");
  const overlay = join(scratch, "overlay");
  await handToContainer(work);
  await mkdir(scratch);
  await makeFolder(overlay);
  const shortcuts: { close(): Promise<void> }[] = [];
  const disks = new Set<string>();

  const guest = async (machine: Machine) => {
    const { name, seed } = machine;
    const sockets = join(scratch, `${name}-sockets`);
    await makeFolder(sockets);
    // a socket's path has at most 107 bytes, a store's may have more; this one is always short
    const shortcut = await open(sockets);
    shortcuts.push(shortcut);
    const seedFolder = seed && (await writeSeed(join(scratch, `${name}-seed`), seed));
    const command = qemuCommand(
      machine,
      { accelerator, memoryMiB, cpus },
      !disks.has(machine.disk),
    );
    disks.add(machine.disk);
    let running: RunningContainer | undefined;
    const runQemu = () =>
      container({
        image: toolsImage,
        run: command,
        user: "builder",
        network: "none",
        kvm: accelerator === "kvm",
        memoryBytes: (memoryMiB + QEMU_OWN_MIB) * 2 ** 20,
        binds: [
          { source: artifact.folder, target: MOUNTS.image, readOnly: true },
          { source: overlay, target: MOUNTS.overlay },
          { source: logs, target: MOUNTS.logs },
          { source: sockets, target: MOUNTS.sockets },
          ...(seedFolder ? [{ source: seedFolder, target: MOUNTS.seed, readOnly: true }] : []),
        ],
        settings: {},
        onStart: (started) => (running = started),
        // the ladder's own deadline comes first; this one ends a QEMU that no longer obeys
        deadlineSeconds: scale(request.timeoutSeconds) + 60,
        silenceSeconds: scale(request.silenceSeconds),
      });
    const ssh =
      seed && new SshChannel(() => connectInContainer(running!, SSH_PORT), seed.keys.private);
    return new QemuGuest(runQemu, `/proc/self/fd/${shortcut.fd}`, ssh);
  };
  return {
    ...{ name: "qemu", accelerator, guest },
    imageSha256: () => sha256File(join(artifact.folder, IMAGE)),
    async remove() {
      for (const shortcut of shortcuts) await shortcut.close();
      await rm(scratch, { recursive: true });
    },
  };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path);
  await chown(path, BUILD_UID, BUILD_GID);
}

async function writeSeed(folder: string, seed: Seed): Promise<string> {
  await mkdir(folder);
  // a strict umask must not shut the container's user out
  await chmod(folder, 0o755);
  for (const [name, text] of Object.entries(seedFiles(seed))) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o644);
  }
  return folder;
}
