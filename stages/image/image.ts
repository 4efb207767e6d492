import { chmod, cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { base, DISK } from "../../plan/stages/base";
import { image as contract, IMAGE } from "../../plan/stages/image";
import { artifactOf } from "../../store/typed";
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

/** The golden image: Packer boots an overlay of the base, runs the scripts, generalises, shuts down; compacted once to `image.qcow2`. */
export const image: StageProgram<typeof contract> = {
  contract,
  async run(context) {
    const { inputs, upstream, request, secrets, work, logs, store, container } = context;
    const { memoryMiB, cpus } = inputs;
    const installed = await artifactOf(store, base, upstream.base);
    // what the guest writes is not known; the base twice more is, for the unpacked and the compacted image
    const disk = await occupiedBytes(join(installed.folder, DISK));
    await requireRoom(work, 3 * disk, "the image");
    const { accelerator, scale } = await chooseAccelerator(context);
    if (request.privileged) context.detail(describePrivileges());

    const scripts = join(work, "scripts");
    await mkdir(scripts);
    for (const [name, path] of Object.entries(request.scripts)) {
      await cp(inProject(path), join(scripts, name), { recursive: true });
      await chmod(join(scripts, name), 0o755);
    }
    await chmod(scripts, 0o755);
    const template = await copyTemplate(request.templateFolder, work);
    await handToContainer(work);
    const { exitCode, tail } = await container({
      image: request.toolsImage,
      run: ["/usr/local/lib/kragle/build_image.py"],
      user: request.privileged ? "privileged" : "builder",
      network: "bridge",
      kvm: accelerator === "kvm",
      publishPort: request.vnc,
      memoryBytes: (memoryMiB + 1536) * 2 ** 20,
      binds: [
        { source: installed.folder, target: "/base", readOnly: true },
        { source: template, target: "/template", readOnly: true },
        { source: scripts, target: "/provision", readOnly: true },
        { source: work, target: "/result" },
        { source: logs, target: "/logs" },
      ],
      settings: {
        diskBytes: request.diskBytes,
        ...{ memoryMiB, cpus },
        accelerator,
        vncPort: request.vnc,
        timeouts: {
          ssh: scale(request.timeouts.ssh),
          script: scale(request.timeouts.script),
          shutdown: scale(request.timeouts.shutdown),
        },
        // as long as SSH may take with KVM
        freezeSeconds: accelerator === "tcg" ? request.timeouts.ssh : null,
        environment: hostProxyEnvironment(),
        scripts: Object.keys(request.scripts).sort(),
        signs: consoleSigns(),
      },
      secrets: { ...secrets, ...buildKeySecrets() },
      deadlineSeconds: scale(request.timeouts.whole),
      silenceSeconds: scale(request.timeouts.progress),
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
    const facts = built.parse(JSON.parse(await readFile(join(work, "image.json"), "utf8")));
    return { result: { ...facts, accelerator, image: IMAGE } };
  },
};

/** What the building program leaves as `image.json`. */
const built = contract.result.omit({ image: true, accelerator: true });
