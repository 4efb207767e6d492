import { chown, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";

import { sha256File } from "../../store/files";
import { probeAccelerator } from "../accelerator";
import { BUILD_GID, BUILD_UID } from "../container";
import { deadlineFor } from "../deadline";
import { handToContainer } from "../handOver";
import type { Boot, SmokeContext } from "./boot";
import { MOUNTS, qemuCommand, QemuGuest } from "./qemuGuest";

/** What QEMU takes besides the guest's memory: itself, translated code, device buffers. */
const QEMU_OWN_MIB = 768;

/** The driver qemu: a QEMU in an unprivileged container without a network. */
export async function bootInContainer(context: SmokeContext): Promise<Boot> {
  const { settings, work, logs, store, phase, detail, container } = context;
  const image = await store.artifact("image", settings.image.key);
  phase("choose an accelerator");
  const { accelerator, reason } = await probeAccelerator({
    setting: settings.accelerator,
    toolsImage: settings.toolsImage,
    cacheFile: join(store.home, "accelerator.json"),
  });
  detail(`accelerator ${accelerator}: ${reason}`);
  const overlay = join(work, "overlay");
  const sockets = join(work, "sockets");
  await handToContainer(work);
  for (const folder of [overlay, sockets]) {
    await mkdir(folder);
    await chown(folder, BUILD_UID, BUILD_GID);
  }
  // a socket's path has at most 107 bytes, a store's may have more; this one is always short
  const shortcut = await open(sockets);
  const { memoryMiB, cpus } = settings;
  const runQemu = () =>
    container({
      image: settings.toolsImage,
      run: qemuCommand({ accelerator, memoryMiB, cpus }),
      user: "builder",
      network: "none",
      kvm: accelerator === "kvm",
      memoryBytes: (memoryMiB + QEMU_OWN_MIB) * 2 ** 20,
      binds: [
        { source: image.folder, target: MOUNTS.image, readOnly: true },
        { source: overlay, target: MOUNTS.overlay },
        { source: logs, target: MOUNTS.logs },
        { source: sockets, target: MOUNTS.sockets },
      ],
      settings: {},
      // the ladder's own deadline comes first; this one ends a QEMU that no longer obeys
      deadlineSeconds: deadlineFor(accelerator, settings.timeoutSeconds) + 60,
      silenceSeconds: deadlineFor(accelerator, settings.silenceSeconds),
    });
  return {
    guest: new QemuGuest(runQemu, `/proc/self/fd/${shortcut.fd}`),
    accelerator,
    imageSha256: () => sha256File(join(image.folder, "image.qcow2")),
    async remove() {
      await shortcut.close();
      for (const folder of [overlay, sockets]) await rm(folder, { recursive: true });
    },
  };
}
