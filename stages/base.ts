import { z } from "zod";

import { BUILD_GID, BUILD_UID } from "./container";
import { StageFailure } from "./failure";
import { hostAptConfiguration } from "./host";
import { inProject } from "./project";
import type { StageProgram } from "./stage";

const settings = z.object({
  toolsImage: z.string(),
  templateFolder: z.string(),
  diskBytes: z.number().int(),
  kernel: z.enum(["cloud", "generic"]),
  snapshot: z.string().nullable(),
  timeoutSeconds: z.number(),
  silenceSeconds: z.number(),
});

/** The installed disk: `disk.qcow2` with the operating system and its boot loader, made without loop devices, mounts or privileges. */
export const base: StageProgram<z.infer<typeof settings>> = {
  name: "base",
  settings,
  async run({ settings, key, work, container }) {
    const { exitCode, tail } = await container({
      image: settings.toolsImage,
      run: ["/template/base.py"],
      user: "root",
      network: "bridge",
      binds: [
        { source: inProject(settings.templateFolder), target: "/template", readOnly: true },
        { source: work, target: "/work" },
      ],
      settings: {
        diskBytes: settings.diskBytes,
        kernel: settings.kernel,
        snapshot: settings.snapshot,
        apt: hostAptConfiguration(),
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
        { evidence: ["logs/container.log"] },
      );
    }
    return { result: { disk: "disk.qcow2", packages: "packages.tsv" } };
  },
};

/** A snapshot's day dates every file; without one, today's midnight does, so that two builds on a day can be compared. */
function sourceDateEpoch(snapshot: string | null): number {
  const day = snapshot ?? new Date().toISOString().slice(0, 10);
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}
