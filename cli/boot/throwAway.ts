import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Accelerator } from "../../executors/executor";
import { localDocker } from "../../executors/localDocker";
import type { Site } from "../../executors/site";
import { removeAfterThisProcess } from "../../host/lifeline";
import { tell } from "../../host/output";
import { removeTree } from "../../host/removeTree";
import type { AcceleratorSetting, Firmware, ImageSpec } from "../../plan/imageSpec";
import { programsOf } from "../../run/task";
import {
  type ContainerGuest,
  containerGuest,
  type QemuTask,
} from "../../stages/smoke/containerGuest";
import { newKeyPair, type Seed } from "../../stages/smoke/seed";
import { makeBundle } from "../../store/bundles";
import { openStore } from "../../store/open";
import { Workplace } from "../../store/workplace";
import type { BootImage } from "./chooseImage";

/** Where the container sees the image: a file alone, read-only. */
const IMAGE_AT = "/image/disk";

export interface Wanted extends Pick<ImageSpec, "architecture" | "memoryMiB" | "cpus" | "network"> {
  readonly image: BootImage;
  readonly firmware: Firmware;
  readonly setting: AcceleratorSetting;
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

/** Makes an overlay of an image, in the store's own work folder, and deletes it when the work is done. */
export async function withThrowAway<T>(
  site: Site,
  wanted: Wanted,
  signal: AbortSignal,
  work: (overlay: ThrowAway) => Promise<T>,
): Promise<T> {
  const { image, firmware, setting, toolsImage, architecture, memoryMiB, cpus } = wanted;
  const { network, outside } = wanted;
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
        inputs: [{ at: IMAGE_AT, path: image.path, foreign: true }],
        outputs: Object.entries(folders).map(([at, path]) => ({ at, path })),
        settings: {},
        log: join(logs, "container.log"),
        onLine: () => undefined,
        // until whoever looks has seen enough
        deadlineSeconds: Infinity,
        watch: folder,
      });
    const seed: Seed = { instanceId: "kragle-boot", hostname: "kragle-boot", keys: newKeyPair() };
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
            backing: { file: IMAGE_AT, format: image.format },
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
