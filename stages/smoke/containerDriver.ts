import { mkdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";

import { sha256File } from "../../host/files";
import { image, IMAGE } from "../../plan/stages/image";
import { chooseAccelerator } from "../../run/chooseAccelerator";
import { artifactOf } from "../../store/typed";
import { plannedPrograms } from "../../run/task";
import { type ContainerGuest, containerGuest, type QemuTask } from "./containerGuest";
import type { Driver, Machine, SmokeContext } from "./driver";
import { MOUNTS } from "./qemuCommand";
import { testSeconds } from "./userTests";

/** Folder of the result with everything of the boots but the logs. */
const BOOTS = "boots";

/** The driver qemu: a QEMU in an unprivileged container without a network. */
export async function containerDriver(context: SmokeContext): Promise<Driver> {
  const { inputs, request, work, logs, store, container } = context;
  const { architecture, memoryMiB, cpus } = inputs;
  const artifact = await artifactOf(store, image, request.imageKey);
  const { accelerator, scale } = await chooseAccelerator(context);
  const own = testSeconds(request, accelerator);
  const scratch = join(work, BOOTS);
  await mkdir(scratch);
  const guests: ContainerGuest[] = [];
  const disks = new Set<string>();

  const start = ({ run, folders, memoryBytes, onStart }: QemuTask) =>
    container({
      image: request.toolsImage,
      programs: plannedPrograms(inputs.programs),
      ...{ run, memoryBytes, onStart },
      user: "builder",
      network: "none",
      kvm: accelerator === "kvm",
      artifacts: { [MOUNTS.image]: artifact },
      results: Object.fromEntries(
        Object.entries(folders).map(([at, folder]) => [at, relative(work, folder)]),
      ),
      settings: {},
      // the ladder's own deadline comes first; this one ends a QEMU that no longer obeys
      deadlineSeconds: scale(request.timeoutSeconds) + own + 60,
      // a test may be silent for as long as it runs
      silenceSeconds: scale(request.silenceSeconds) + own,
    });
  const guest = async (machine: Machine) => {
    const newDisk = !disks.has(machine.disk);
    disks.add(machine.disk);
    const size = { architecture, accelerator, memoryMiB, cpus };
    const made = await containerGuest(machine, { scratch, logs, size, newDisk, start });
    guests.push(made);
    return made.guest;
  };
  return {
    ...{ name: "qemu", accelerator, guest },
    imageSha256: () => sha256File(join(artifact.folder, IMAGE)),
    async remove() {
      for (const made of guests) await made.close();
      await rm(scratch, { recursive: true });
    },
  };
}
