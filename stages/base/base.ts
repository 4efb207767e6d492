import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { installFromIso } from "./install";
import { BUILD_GID, BUILD_UID } from "../../executors/container";
import { ifDiskIsFull, StageFailure } from "../../host/failure";
import { hostAptConfiguration } from "../../host/packageMirror";
import { inProject } from "../../host/project";
import { requireRoom } from "../../host/freeSpace";
import type { StageContext, StageOutcome, StageProgram } from "../../run/stage";

const settings = z.object({
  toolsImage: z.string(),
  templateFolder: z.string(),
  diskBytes: z.number().int(),
  kernel: z.enum(["cloud", "generic"]),
  snapshot: z.string().nullable(),
  /** The medium of a system that its own installer puts onto the disk; null for one that is bootstrapped. */
  iso: z.object({ path: z.string(), sha256: z.string() }).nullable(),
  memoryMiB: z.number().int(),
  cpus: z.number().int(),
  accelerator: z.enum(["auto", "kvm", "tcg"]),
  privileged: z.boolean(),
  vnc: z.number().int().nullable(),
  timeoutSeconds: z.number(),
  silenceSeconds: z.number(),
});

/** What bootstrapping needs of the template's template.json, whose form was checked with the settings. */
const template = z.object({ minimumDiskBytes: z.number(), suite: z.string() });

export type BaseSettings = z.infer<typeof settings>;

/** The installed disk: `disk.qcow2` with the operating system and its boot loader. */
export const base: StageProgram<BaseSettings> = {
  name: "base",
  settings,
  run: (context) =>
    context.settings.iso ? installFromIso(context, context.settings.iso) : bootstrap(context),
};

/** Straight into a disk image, without loop devices, mounts or privileges. */
async function bootstrap({
  settings,
  key,
  work,
  container,
}: StageContext<BaseSettings>): Promise<StageOutcome> {
  const facts = await readFile(join(inProject(settings.templateFolder), "template.json"), "utf8");
  const { minimumDiskBytes, suite } = template.parse(JSON.parse(facts));
  await requireRoom(work, minimumDiskBytes, "the installation");
  const { exitCode, tail } = await container({
    image: settings.toolsImage,
    run: ["/template/base.py"],
    user: "root",
    network: "bridge",
    binds: [
      { source: inProject(settings.templateFolder), target: "/template", readOnly: true },
      { source: work, target: "/result" },
    ],
    settings: {
      diskBytes: settings.diskBytes,
      kernel: settings.kernel,
      snapshot: settings.snapshot,
      apt: hostAptConfiguration(suite),
      seed: key,
      sourceDateEpoch: sourceDateEpoch(settings.snapshot),
      owner: [BUILD_UID, BUILD_GID],
    },
    deadlineSeconds: settings.timeoutSeconds,
    silenceSeconds: settings.silenceSeconds,
  });
  if (exitCode !== 0) {
    throw new StageFailure(
      `installing the base system failed with exit code ${exitCode}\n${tail.slice(-12).join("\n")}`,
      { evidence: ["logs/container.log"], ...ifDiskIsFull(tail) },
    );
  }
  return { result: { disk: "disk.qcow2", packages: "packages.tsv" } };
}

/** A snapshot's day dates every file; without one, today's midnight does, so that two builds on a day can be compared. */
function sourceDateEpoch(snapshot: string | null): number {
  const day = snapshot ?? new Date().toISOString().slice(0, 10);
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}
