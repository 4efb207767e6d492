import { join } from "node:path";

import { z } from "zod";

import { chooseAccelerator } from "../../run/chooseAccelerator";
import { type base as contract, DISK } from "../../plan/stages/base";
import type { InputsOf } from "../../plan/stages/contract";
import { StageFailure } from "../../host/failure";
import { PROGRAMS_AT } from "../../executors/executor";
import { inProject } from "../../host/project";
import { showScreen } from "../../run/screen";
import type { StageContext, StageOutcome } from "../../run/stage";
import { readStageFile } from "../../run/stageFile";
import { planned, plannedPrograms } from "../../run/task";
import { provideSource } from "./provideSource";

/** The installer itself, and what Packer and the container take beyond the guest's memory. */
const INSTALLER_MIB = 2048;
const AROUND_GUEST_MIB = 1536;

type Installed = Extract<InputsOf<typeof contract>, { isoSha256: string }>;

/** By the medium's own installer, which Packer starts on an empty disk: no capability, nothing typed. */
export async function installFromIso(
  context: StageContext<typeof contract>,
  { programs, recipe, isoSha256, diskBytes }: Installed,
): Promise<StageOutcome<typeof contract>> {
  const { request, work, container } = context;
  const wanted = {
    kind: "iso",
    path: request.sourcePath,
    digest: { algorithm: "sha256", hex: isoSha256 },
  } as const;
  const iso = await provideSource(context, wanted);
  const { accelerator, scale } = await chooseAccelerator(context);
  const template = inProject(request.templateFolder);
  const screen = showScreen({
    port: request.vnc,
    template: join(template, "install.json"),
    detail: context.detail,
  });
  const seconds = scale(request.timeoutSeconds);
  const { exitCode, tail } = await container({
    image: request.toolsImage,
    programs: plannedPrograms(programs),
    run: [`${PROGRAMS_AT}/install_system.py`],
    user: request.privileged ? "privileged" : "builder",
    network: "outside",
    allow: request.allow,
    kvm: accelerator === "kvm",
    ...screen.task,
    memoryBytes: (Math.max(request.memoryMiB, INSTALLER_MIB) + AROUND_GUEST_MIB) * 2 ** 20,
    files: { "/iso/installer.iso": iso },
    bundles: { "/template": planned(recipe, (name) => join(template, name)) },
    results: { "/result": ".", "/logs": "logs" },
    settings: {
      diskBytes,
      memoryMiB: request.memoryMiB,
      cpus: request.cpus,
      accelerator,
      seconds,
    },
    secrets: screen.secrets,
    // Packer gives up first, and then says so
    deadlineSeconds: seconds + 120,
    silenceSeconds: scale(request.silenceSeconds),
  });
  if (exitCode !== 0) {
    throw new StageFailure(
      `the installation failed with exit code ${exitCode}\n${tail.slice(-15).join("\n")}`,
      {
        evidence: ["logs/packer.log", "logs/serial.log"],
        hint: "the serial log tells what the installer did; the setting vnc shows its screen in the next run",
      },
    );
  }
  const facts = readStageFile(work, "base.json", installation);
  return { result: { ...facts, accelerator, disk: DISK } };
}

/** What the installing program leaves as `base.json`. */
const installation = z.strictObject({
  medium: z.string(),
  packages: z.number(),
  packer: z.string(),
  qemu: z.string(),
});
