import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { identityOf, type ImageIdentity, OS_RELEASE } from "../../plan/imageIdentity";
import { DISK } from "../../plan/stages/base";
import type { UpstreamOf } from "../../plan/stages/contract";
import { diskOf, image as contract, IMAGE, madeOn } from "../../plan/stages/image";
import { buildKeySecrets } from "./buildKey";
import { chooseAccelerator } from "../../run/chooseAccelerator";
import { PROGRAMS_AT } from "../../executors/executor";
import { StageFailure } from "../../host/failure";
import { hostProxyEnvironment } from "../../host/proxies";
import { inProject } from "../../host/project";
import { keepGuest } from "../../run/keptGuest";
import { packageCache } from "../../run/packageCache";
import { searchedSecrets } from "../../run/searchedSecrets";
import { showScreen } from "../../run/screen";
import { consoleSigns } from "../../run/signs";
import type { StageProgram } from "../../run/stage";
import { readStageFile } from "../../run/stageFile";
import { planned, plannedPrograms, type StageTask } from "../../run/task";
import type { Manifest } from "../../store/manifest";
import { lowestFile } from "../../store/pointChain";
import { Points } from "./points";
import { requireRoom } from "./room";
import { requireWayIn, shutOut } from "./shutOut";
import { ACCOUNTS, prepareSteps, stepScripts } from "./steps";

/** The disk with the files of steps, in the work folder while the stage runs; builder/stages/image/build_image.py knows the name. */
const FILES_DISK = "files.img";

/** The golden image: Packer boots an overlay of the base, runs the scripts, generalises, shuts down; compacted once to `image.qcow2`. */
export const image: StageProgram<typeof contract> = {
  contract,
  async run(context) {
    const { inputs, upstream, request, secrets, key, work, store, container } = context;
    const { programs, template, scripts, steps, memoryMiB, cpus } = inputs;
    const on = madeOn(upstream);
    const installed = await store.artifact(on.stage, on.key);
    requireReleased(upstream, installed.manifest);
    requireWayIn(installed.manifest.result);
    const points = await Points.of(context, installed);
    const { accelerator, scale } = await chooseAccelerator(context);
    const identity = identityOf(request.identity, key, new Date());
    const ofSteps = stepScripts(steps, request.steps);
    const { script: seconds } = request.timeouts;
    const filesDisk = join(work, FILES_DISK);
    const toldSteps = await prepareSteps(steps, request.steps, filesDisk, seconds, scale);
    await requireRoom(work, installed);
    const accounts = steps.some(({ kind }) => kind === "ansible") ? join(work, "passwd") : null;
    if (accounts) await writeFile(accounts, ACCOUNTS, { mode: 0o644 });
    const screen = showScreen({
      port: request.vnc,
      template: inProject(join(request.templateFolder, "image.json")),
      detail: context.detail,
    });

    const packages = await packageCache(context);
    const keeping = keepGuest(context);
    const task: StageTask = {
      image: request.toolsImage,
      programs: plannedPrograms(programs),
      run: [`${PROGRAMS_AT}/build_image.py`],
      user: request.privileged ? "privileged" : "builder",
      network: "outside",
      allow: request.allow,
      kvm: accelerator === "kvm",
      ...screen.task,
      memoryBytes: (memoryMiB + 1536) * 2 ** 20,
      artifacts: points.artifacts,
      bundles: {
        "/template": [
          ...planned(template, (name) => inProject(join(request.templateFolder, name))),
          ...planned(scripts, (name) => inProject(request.scripts[name]!)).map((file) => ({
            ...file,
            at: `provision/${file.at}`,
          })),
        ],
        ...(ofSteps.length > 0 ? { "/steps": ofSteps } : {}),
      },
      files: {
        // under this name, whether it is a base's or another image's
        [`/base/${DISK}`]: join(installed.folder, diskOf(on.stage)),
        ...(accounts ? { "/etc/passwd": accounts } : {}),
      },
      results: { "/result": ".", "/logs": "logs" },
      caches: packages.caches,
      settings: {
        diskBytes: request.diskBytes,
        ...{ memoryMiB, cpus },
        accelerator,
        timeouts: {
          ssh: scale(request.timeouts.ssh),
          script: scale(request.timeouts.script),
          shutdown: scale(request.timeouts.shutdown),
        },
        // as long as SSH may take with KVM
        freezeSeconds: accelerator === "tcg" ? request.timeouts.ssh : null,
        environment: hostProxyEnvironment(),
        identity: Object.fromEntries(
          Object.entries(identity).map(([name, value]) => [
            `KRAGLE_${OS_RELEASE[name as keyof ImageIdentity]}`,
            value,
          ]),
        ),
        scripts: Object.fromEntries(
          Object.keys(scripts).map((name) => [name, request.scripts[name]!]),
        ),
        steps: toldSteps,
        points: points.settings,
        signs: consoleSigns(),
        keep: keeping !== undefined,
        packageBytes: packages.bytes,
      },
      secrets: { ...secrets, ...buildKeySecrets(searchedSecrets(secrets)), ...screen.secrets },
      // whoever looks at a guest takes the time that it takes
      deadlineSeconds: keeping ? Infinity : scale(request.timeouts.whole),
      silenceSeconds: scale(request.timeouts.progress),
    };
    const { exitCode, tail } = await points.publishDuring(() => container(task).finally(keeping));
    if (exitCode !== 0) {
      const toMend = shutOut(on.stage, tail) ?? "mend what the lines above name";
      throw new StageFailure(
        `Packer's build failed with exit code ${exitCode}\n${tail.slice(-15).join("\n")}`,
        {
          evidence: ["logs/packer.log", "logs/serial.log"],
          hint: `${toMend}, then run the same command again; ${points.kept()}`,
        },
      );
    }
    for (const own of [filesDisk, join(work, "passwd")]) await rm(own, { force: true });
    const facts = readStageFile(work, "image.json", told);
    return { result: { ...facts, accelerator, identity, image: IMAGE } };
  },
};

/** @throws StageFailure where what another stack released is not the image that the store has by its key */
function requireReleased(upstream: UpstreamOf<typeof contract>, manifest: Manifest): void {
  if (!("releasedSha256" in upstream)) return;
  if (lowestFile(manifest).sha256 === upstream.releasedSha256) return;
  throw new StageFailure(
    "the image of another stack, on which this one is made, was built again after this run had been planned",
    { hint: "run the same command again, which plans with what is released now" },
  );
}

/** What the building program leaves as `image.json`. */
const told = contract.result.omit({ image: true, accelerator: true, identity: true });
