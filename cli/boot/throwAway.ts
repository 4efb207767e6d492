import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Accelerator, Input } from "../../executors/executor";
import { localDocker } from "../../executors/localDocker";
import type { Site } from "../../executors/site";
import { removeAfterThisProcess } from "../../host/lifeline";
import { tell } from "../../host/output";
import { removeTree } from "../../host/removeTree";
import type { Firmware, ImageSpec } from "../../plan/imageSpec";
import { programsOf } from "../../run/task";
import {
  type ContainerGuest,
  containerGuest,
  type QemuTask,
} from "../../stages/smoke/containerGuest";
import type { Backing } from "../../stages/smoke/qemuCommand";
import { newSshKeyPair } from "../../host/sshKeyPair";
import type { Seed } from "../../stages/smoke/seed";
import { makeBundle } from "../../store/bundles";
import { openStore } from "../../store/open";
import { Workplace } from "../../store/workplace";

/** A disk that is never written to. */
export interface BootDisk {
  /** For people. */
  readonly title: string;
  /** What the container sees of it, read-only. */
  readonly inputs: readonly Input[];
  readonly backing: Backing;
}

export interface Wanted {
  readonly disk: BootDisk;
  readonly firmware: Firmware;
  readonly toolsImage: string;
  /** Whether the guest reaches the outside, as while it is built. */
  readonly outside: boolean;
}

/** One overlay, which can be booted again and again; it is gone with this process, however that ends. */
export interface ThrowAway {
  readonly accelerator: Accelerator;
  /** Does something with a machine that boots it, and pulls its plug at the end. */
  boot<T>(work: (made: ContainerGuest) => Promise<T>): Promise<T>;
}

/** Makes an overlay of a disk, in the store's own work folder, and deletes it when the work is done. */
export async function withThrowAway<T>(
  site: Site,
  { architecture, memoryMiB, cpus, accelerator: setting, network }: ImageSpec,
  { disk, firmware, toolsImage, outside }: Wanted,
  signal: AbortSignal,
  work: (overlay: ThrowAway) => Promise<T>,
): Promise<T> {
  const place = new Workplace(site.home);
  const executor = localDocker(site);
  const { accelerator, reason } = await executor.probe({ setting, toolsImage });
  if (accelerator === "tcg") tell(`${reason}\n`);
  const key = randomBytes(32).toString("hex");
  const folder = place.workFolder("boot", key);
  // a collection of garbage would take the overlay for what an ended run has left
  const release = await place.lockStore({
    shared: true,
    signal,
    onWait: () => tell("waiting for a garbage collection of the store\n"),
  });
  try {
    await place.provide("work");
    await mkdir(folder);
    removeAfterThisProcess(folder);
    const programs = await makeBundle(place, programsOf("command"));
    const logs = join(folder, "logs");
    await mkdir(logs);
    const start = ({ run, folders, memoryBytes, onStart }: QemuTask) =>
      executor.run({
        ...{ storeId: openStore(site.home).id, key, image: toolsImage, programs },
        ...{ run, memoryBytes, onStart, signal },
        user: "builder",
        network: outside ? "outside" : "none",
        allow: network.allow,
        kvm: accelerator === "kvm",
        inputs: disk.inputs,
        outputs: Object.entries(folders).map(([at, path]) => ({ at, path })),
        settings: {},
        log: join(logs, "container.log"),
        onLine: () => undefined,
        // until whoever looks has seen enough
        deadlineSeconds: Infinity,
        watch: folder,
      });
    const seed: Seed = {
      instanceId: "kragle-boot",
      hostname: "kragle-boot",
      keys: newSshKeyPair("kragle-boot"),
    };
    let boots = 0;
    return await work({
      accelerator,
      async boot(use) {
        const name = `boot-${++boots}`;
        const made = await containerGuest(
          { name, firmware, disk: "disk", seed, serialLog: `${name}.log` },
          {
            ...{ scratch: folder, logs, start },
            size: { architecture, accelerator, memoryMiB, cpus },
            backing: disk.backing,
            newDisk: boots === 1,
            outside,
          },
        );
        try {
          return await use(made);
        } finally {
          await made.guest.destroy();
          await made.close();
        }
      },
    });
  } finally {
    await removeTree(folder);
    await release();
  }
}
