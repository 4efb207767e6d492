import { rename } from "node:fs/promises";
import { join } from "node:path";

import { deadlineFor } from "./deadline";
import { StageFailure } from "./failure";
import { type Boot, type SmokeContext, smokeSettings } from "./smoke/boot";
import { type BootFailure, climb } from "./smoke/climb";
import { bootInContainer } from "./smoke/containerBoot";
import { bootUnderLibvirt } from "./smoke/libvirtBoot";
import { QUICK_RUNGS } from "./smoke/rungs";
import type { StageProgram } from "./stage";

const SERIAL_LOG = "serial.log";
const SCREENSHOT = "login.png";
const FAILURE_SCREENSHOT = "failure.png";
const CONSOLE_LINES_SHOWN = 20;

/**
 * Boots a throw-away overlay of the image and follows it to a clean power-off. Leaves `serial.log` and `login.png`; proves that
 * the image is still the same file.
 */
export const smoke: StageProgram<SmokeContext["settings"]> = {
  name: "smoke",
  settings: smokeSettings,
  async run(context) {
    const { settings, work, logs, detail } = context;
    const boot = settings.libvirt
      ? bootUnderLibvirt(context, settings.libvirt)
      : await bootInContainer(context);
    const { seconds, complaints, imageSha256 } = await prove(boot, context).finally(() =>
      boot.remove(),
    );
    for (const complaint of complaints) detail(`the system runs, but: ${complaint.trim()}`);
    if (imageSha256 !== settings.image.sha256) {
      throw new StageFailure(
        `the image changed while it was booted: its SHA-256 was ${settings.image.sha256} and is ${imageSha256}`,
        { hint: "see what else writes into its folder, then run the same command again" },
      );
    }
    for (const name of [SERIAL_LOG, SCREENSHOT]) await rename(join(logs, name), join(work, name));
    return {
      result: {
        passed: true,
        driver: settings.libvirt ? "libvirt" : "qemu",
        accelerator: boot.accelerator,
        seconds,
        complaints,
        serialLog: SERIAL_LOG,
        screenshot: SCREENSHOT,
        imageSha256,
      },
    };
  },
};

/** Climbs the ladder to the power-off, then looks at the image; the guest is gone in any case. */
async function prove({ guest, accelerator, imageSha256 }: Boot, context: SmokeContext) {
  const { settings, phase, signal } = context;
  const deadlineSeconds = deadlineFor(accelerator, settings.timeoutSeconds);
  const climbed = await climb(
    guest,
    { rungs: QUICK_RUNGS, deadlineSeconds },
    {
      onWait: (title) => phase(`wait for the ${title}`),
      screenshot: SCREENSHOT,
      failureScreenshot: FAILURE_SCREENSHOT,
    },
  )
    .catch((error: BootFailure) => {
      if (!signal.aborted) throw explain(error);
      throw new StageFailure("the boot was interrupted", { hint: "run the same command again" });
    })
    .finally(() => guest.destroy());
  phase("prove the image untouched");
  return { ...climbed, imageSha256: await imageSha256() };
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
