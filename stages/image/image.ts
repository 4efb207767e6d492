import { chmod, cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { buildKeySecrets } from "./buildKey";
import { chooseAccelerator } from "../../run/chooseAccelerator";
import { StageFailure } from "../../host/failure";
import { hostProxyEnvironment } from "../../host/proxies";
import { handToContainer } from "../../executors/handOver";
import { describePrivileges } from "../../executors/isolation";
import { inProject } from "../../host/project";
import { occupiedBytes, requireRoom } from "../../host/freeSpace";
import { consoleSigns } from "../../run/signs";
import type { StageProgram } from "../../run/stage";
import { copyTemplate } from "../../run/template";

const settings = z.object({
  toolsImage: z.string(),
  templateFolder: z.string(),
  baseKey: z.string(),
  /** Name in the order of running → path. */
  scripts: z.record(z.string(), z.string()),
  diskBytes: z.number().int(),
  memoryMiB: z.number().int(),
  cpus: z.number().int(),
  accelerator: z.enum(["auto", "kvm", "tcg"]),
  privileged: z.boolean(),
  vnc: z.number().int().nullable(),
  timeouts: z.object({
    whole: z.number(),
    progress: z.number(),
    ssh: z.number(),
    script: z.number(),
    shutdown: z.number(),
  }),
});

/** The golden image: Packer boots an overlay of the base, runs the scripts, generalises, shuts down; compacted once to `image.qcow2`. */
export const image: StageProgram<z.infer<typeof settings>> = {
  name: "image",
  settings,
  async run(context) {
    const { settings, secrets, work, logs, store, container } = context;
    const base = await store.artifact("base", settings.baseKey);
    // what the guest writes is not known; the base twice more is, for the unpacked and the compacted image
    const disk = await occupiedBytes(join(base.folder, "disk.qcow2"));
    await requireRoom(work, 3 * disk, "the image");
    const { accelerator, scale } = await chooseAccelerator(context);
    if (settings.privileged) context.detail(describePrivileges());

    const scripts = join(work, "scripts");
    await mkdir(scripts);
    for (const [name, path] of Object.entries(settings.scripts)) {
      await cp(inProject(path), join(scripts, name), { recursive: true });
      await chmod(join(scripts, name), 0o755);
    }
    await chmod(scripts, 0o755);
    const template = await copyTemplate(settings.templateFolder, work);
    await handToContainer(work);
    const { exitCode, tail } = await container({
      image: settings.toolsImage,
      run: ["/usr/local/lib/kragle/build_image.py"],
      user: settings.privileged ? "privileged" : "builder",
      network: "bridge",
      kvm: accelerator === "kvm",
      publishPort: settings.vnc,
      memoryBytes: (settings.memoryMiB + 1536) * 2 ** 20,
      binds: [
        { source: base.folder, target: "/base", readOnly: true },
        { source: template, target: "/template", readOnly: true },
        { source: scripts, target: "/provision", readOnly: true },
        { source: work, target: "/result" },
        { source: logs, target: "/logs" },
      ],
      settings: {
        diskBytes: settings.diskBytes,
        memoryMiB: settings.memoryMiB,
        cpus: settings.cpus,
        accelerator,
        vncPort: settings.vnc,
        timeouts: {
          ssh: scale(settings.timeouts.ssh),
          script: scale(settings.timeouts.script),
          shutdown: scale(settings.timeouts.shutdown),
        },
        // as long as SSH may take with KVM
        freezeSeconds: accelerator === "tcg" ? settings.timeouts.ssh : null,
        environment: hostProxyEnvironment(),
        scripts: Object.keys(settings.scripts).sort(),
        signs: consoleSigns(),
      },
      secrets: { ...secrets, ...buildKeySecrets() },
      deadlineSeconds: scale(settings.timeouts.whole),
      silenceSeconds: scale(settings.timeouts.progress),
    });
    if (exitCode !== 0) {
      throw new StageFailure(
        `Packer's build failed with exit code ${exitCode}\n${tail.slice(-15).join("\n")}`,
        {
          evidence: ["logs/packer.log", "logs/serial.log"],
          hint: "mend what the lines above name, then run the same command again; the base is kept",
        },
      );
    }
    for (const copy of [scripts, template]) await rm(copy, { recursive: true });
    const facts = JSON.parse(await readFile(join(work, "image.json"), "utf8")) as object;
    return { result: { ...facts, accelerator, image: "image.qcow2" } };
  },
};
