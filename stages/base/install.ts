import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { chooseAccelerator } from "../../run/chooseAccelerator";
import type { BaseSettings } from "./base";
import { StageFailure } from "../../host/failure";
import { handToContainer } from "../../executors/handOver";
import type { StageContext, StageOutcome } from "../../run/stage";
import { copyTemplate } from "../../run/template";
import { provideIso } from "./isoFile";

/** The installer itself, and what Packer and the container take beyond the guest's memory. */
const INSTALLER_MIB = 2048;
const AROUND_GUEST_MIB = 1536;

/** By the medium's own installer, which Packer starts on an empty disk: no capability, nothing typed. */
export async function installFromIso(
  context: StageContext<BaseSettings>,
  wanted: NonNullable<BaseSettings["iso"]>,
): Promise<StageOutcome> {
  const { settings, work, logs, container } = context;
  const iso = await provideIso(context, wanted);
  const { accelerator, scale } = await chooseAccelerator(context);
  const template = await copyTemplate(settings.templateFolder, work);
  await handToContainer(work);
  const seconds = scale(settings.timeoutSeconds);
  const { exitCode, tail } = await container({
    image: settings.toolsImage,
    run: ["/usr/local/lib/kragle/install_system.py"],
    user: settings.privileged ? "privileged" : "builder",
    network: "bridge",
    kvm: accelerator === "kvm",
    publishPort: settings.vnc,
    memoryBytes: (Math.max(settings.memoryMiB, INSTALLER_MIB) + AROUND_GUEST_MIB) * 2 ** 20,
    binds: [
      { source: iso, target: "/iso/installer.iso", readOnly: true, relabel: true },
      { source: template, target: "/template", readOnly: true },
      { source: work, target: "/result" },
      { source: logs, target: "/logs" },
    ],
    settings: {
      diskBytes: settings.diskBytes,
      memoryMiB: settings.memoryMiB,
      cpus: settings.cpus,
      accelerator,
      vncPort: settings.vnc,
      seconds,
    },
    // Packer gives up first, and then says so
    deadlineSeconds: seconds + 120,
    silenceSeconds: scale(settings.silenceSeconds),
  });
  if (exitCode !== 0) {
    throw new StageFailure(
      `the installation failed with exit code ${exitCode}\n${tail.slice(-15).join("\n")}`,
      {
        evidence: ["logs/packer.log", "logs/serial.log"],
        hint: "the serial log tells what the installer did; kragle:vnc shows its screen in the next run",
      },
    );
  }
  await rm(template, { recursive: true });
  const facts = JSON.parse(await readFile(join(work, "base.json"), "utf8")) as object;
  return { result: { ...facts, accelerator, disk: "disk.qcow2" } };
}
