import { chown, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { sha256File } from "../store/files";
import { type Accelerator, probeAccelerator } from "./accelerator";
import { BUILD_GID, BUILD_UID } from "./container";
import { deadlineFor } from "./deadline";
import { StageFailure } from "./failure";
import { handToContainer } from "./handOver";
import { type BootFailure, climb } from "./smoke/climb";
import { MOUNTS, qemuCommand, QemuGuest } from "./smoke/qemuGuest";
import { QUICK_RUNGS } from "./smoke/rungs";
import type { StageContext, StageProgram } from "./stage";

const settings = z.object({
  toolsImage: z.string(),
  image: z.object({ key: z.string(), sha256: z.string() }),
  memoryMiB: z.number().int(),
  cpus: z.number().int(),
  accelerator: z.enum(["auto", "kvm", "tcg"]),
  /** For the whole boot, with KVM; without it ten times as long. */
  timeoutSeconds: z.number(),
});

const SERIAL_LOG = "serial.log";
const SCREENSHOT = "login.png";
const FAILURE_SCREENSHOT = "failure.png";
const CONSOLE_LINES_SHOWN = 20;
/** What QEMU takes besides the guest's memory: itself, translated code, device buffers. */
const QEMU_OWN_MIB = 768;

type Context = StageContext<z.infer<typeof settings>>;

/**
 * Boots a throw-away overlay of the image in an unprivileged QEMU without a network and follows it to a clean power-off.
 * Leaves `serial.log` and `login.png`; proves that the image is still the same file.
 */
export const smoke: StageProgram<z.infer<typeof settings>> = {
  name: "smoke",
  settings,
  async run(context) {
    const { settings, work, logs, store, phase, detail } = context;
    const image = await store.artifact("image", settings.image.key);
    phase("choose an accelerator");
    const { accelerator, reason } = await probeAccelerator({
      setting: settings.accelerator,
      toolsImage: settings.toolsImage,
      cacheFile: join(store.home, "accelerator.json"),
    });
    detail(`accelerator ${accelerator}: ${reason}`);
    const { seconds, complaints } = await boot(context, image.folder, accelerator);
    for (const complaint of complaints) detail(`the system runs, but: ${complaint.trim()}`);
    phase("prove the image untouched");
    const imageSha256 = await sha256File(join(image.folder, "image.qcow2"));
    if (imageSha256 !== settings.image.sha256) {
      throw new StageFailure(
        `the image changed while it was booted: its SHA-256 was ${settings.image.sha256} and is ${imageSha256}`,
        { hint: "see what else writes into the store, then run the same command again" },
      );
    }
    for (const name of [SERIAL_LOG, SCREENSHOT]) await rename(join(logs, name), join(work, name));
    return {
      result: {
        passed: true,
        driver: "qemu",
        accelerator,
        seconds,
        complaints,
        serialLog: SERIAL_LOG,
        screenshot: SCREENSHOT,
        imageSha256,
      },
    };
  },
};

/** Climbs the ladder with a QEMU of its own, of which nothing is left afterwards. */
async function boot(context: Context, imageFolder: string, accelerator: Accelerator) {
  const { settings, work, logs, phase, container } = context;
  const deadlineSeconds = deadlineFor(accelerator, settings.timeoutSeconds);
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
  const guest = new QemuGuest(
    () =>
      container({
        image: settings.toolsImage,
        run: qemuCommand({ accelerator, memoryMiB, cpus }),
        user: "builder",
        network: "none",
        kvm: accelerator === "kvm",
        memoryBytes: (memoryMiB + QEMU_OWN_MIB) * 2 ** 20,
        binds: [
          { source: imageFolder, target: MOUNTS.image, readOnly: true },
          { source: overlay, target: MOUNTS.overlay },
          { source: logs, target: MOUNTS.logs },
          { source: sockets, target: MOUNTS.sockets },
        ],
        settings: {},
        // the ladder's own deadline comes first; this one ends a QEMU that no longer obeys
        deadlineSeconds: deadlineSeconds + 60,
      }),
    `/proc/self/fd/${shortcut.fd}`,
  );
  try {
    return await climb(
      guest,
      { rungs: QUICK_RUNGS, deadlineSeconds },
      {
        onWait: (title) => phase(`wait for the ${title}`),
        screenshot: SCREENSHOT,
        failureScreenshot: FAILURE_SCREENSHOT,
      },
    );
  } catch (error) {
    if (context.signal.aborted) {
      throw new StageFailure("the boot was interrupted", { hint: "run the same command again" });
    }
    throw explain(error as BootFailure);
  } finally {
    await guest.destroy();
    await shortcut.close();
    for (const folder of [overlay, sockets]) await rm(folder, { recursive: true });
  }
}

function explain({ message, progress }: BootFailure): StageFailure {
  const tidy = (lines: readonly string[]) =>
    lines.map(
      (line) =>
        `  ${line
          .trim()
          .replace(/\s{3,}/g, "  ")
          .slice(0, 200)}`,
    );
  const last = progress.console.filter((line) => line.trim()).slice(-CONSOLE_LINES_SHOWN);
  const section = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? [title, ...tidy(lines)] : [];
  const reached = Object.entries(progress.seconds).map(([name, at]) => `${name} after ${at} s`);
  return new StageFailure(
    [
      `the image did not pass its boot: ${message}`,
      `reached: ${reached.join(", ") || "nothing"}`,
      ...section("units that did not start:", progress.complaints),
      ...section("the console's last lines:", last),
    ].join("\n"),
    {
      evidence: [`logs/${SERIAL_LOG}`, `logs/${FAILURE_SCREENSHOT}`],
      hint: "look at serial.log and at the screen in failure.png; the image itself is kept, and the last good release stays",
    },
  );
}
