import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { sha256File } from "../../host/files";
import type { Running } from "../../executors/executor";
import { image, IMAGE } from "../../plan/stages/image";
import { chooseAccelerator } from "../../run/chooseAccelerator";
import { artifactOf } from "../../store/typed";
import { plannedPrograms } from "../../run/task";
import type { Driver, Machine, SmokeContext } from "./driver";
import { MOUNTS, qemuCommand, SSH_PORT } from "./qemuCommand";
import { QemuGuest } from "./qemuGuest";
import { type Seed, seedFiles } from "./seed";
import { SshChannel } from "./sshChannel";
import { testSeconds } from "./userTests";

/** What QEMU takes besides the guest's memory: itself, translated code, device buffers. */
const QEMU_OWN_MIB = 768;
/** Folder of the result with everything of the boots but the logs. */
const BOOTS = "boots";

/** The driver qemu: a QEMU in an unprivileged container without a network. */
export async function containerDriver(context: SmokeContext): Promise<Driver> {
  const { inputs, request, work, store, container } = context;
  const { architecture, memoryMiB, cpus } = inputs;
  const { toolsImage } = request;
  const artifact = await artifactOf(store, image, request.imageKey);
  const { accelerator, scale } = await chooseAccelerator(context);
  const own = testSeconds(request, accelerator);
  const scratch = join(work, BOOTS);
  await mkdir(scratch);
  const shortcuts: { close(): Promise<void> }[] = [];
  const disks = new Set<string>();

  const guest = async (machine: Machine) => {
    const { name, seed } = machine;
    const sockets = join(scratch, `${name}-sockets`);
    await mkdir(sockets);
    // a socket's path may have 107 bytes at most, the store's is perhaps longer: an open folder has the short path /proc/self/fd/N
    const shortcut = await open(sockets);
    shortcuts.push(shortcut);
    if (seed) await writeSeed(join(scratch, `${name}-seed`), seed);
    const command = qemuCommand(
      machine,
      { architecture, accelerator, memoryMiB, cpus },
      !disks.has(machine.disk),
    );
    disks.add(machine.disk);
    let running: Running | undefined;
    const runQemu = () =>
      container({
        image: toolsImage,
        programs: plannedPrograms(inputs.programs),
        run: command,
        user: "builder",
        network: "none",
        kvm: accelerator === "kvm",
        memoryBytes: (memoryMiB + QEMU_OWN_MIB) * 2 ** 20,
        artifacts: { [MOUNTS.image]: artifact },
        results: {
          [MOUNTS.overlay]: `${BOOTS}/overlay`,
          [MOUNTS.logs]: "logs",
          [MOUNTS.sockets]: `${BOOTS}/${name}-sockets`,
          ...(seed ? { [MOUNTS.seed]: `${BOOTS}/${name}-seed` } : {}),
        },
        settings: {},
        onStart: (started) => (running = started),
        // the ladder's own deadline comes first; this one ends a QEMU that no longer obeys
        deadlineSeconds: scale(request.timeoutSeconds) + own + 60,
        // a test may be silent for as long as it runs
        silenceSeconds: scale(request.silenceSeconds) + own,
      });
    const ssh = seed && new SshChannel(() => running!.connect(SSH_PORT), seed.keys.private);
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

async function writeSeed(folder: string, seed: Seed): Promise<void> {
  await mkdir(folder);
  for (const [name, text] of Object.entries(seedFiles(seed))) {
    await writeFile(join(folder, name), text);
  }
}
