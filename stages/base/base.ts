import { join } from "node:path";

import { z } from "zod";

import { base as contract, DISK } from "../../plan/stages/base";
import type { InputsOf } from "../../plan/stages/contract";
import { importDisk } from "./import";
import { installFromIso } from "./install";
import { BUILD_GID, BUILD_UID } from "../../executors/handOver";
import { ifDiskIsFull, StageFailure } from "../../host/failure";
import { hostAptConfiguration } from "../../host/packageMirror";
import { inProject } from "../../host/project";
import { requireFreeSpace } from "../../host/freeSpace";
import type { StageContext, StageOutcome, StageProgram } from "../../run/stage";
import { packageCache } from "../../run/packageCache";
import { planned, plannedPrograms } from "../../run/task";
import { readPlanned } from "../../store/bundles";

/** What bootstrapping needs of the template's template.json, whose form was checked with the settings. */
const templateFile = z.object({ minimumDiskBytes: z.number(), suite: z.string() });

/** The installed disk: `disk.qcow2` with the operating system and its boot loader. */
export const base: StageProgram<typeof contract> = {
  contract,
  run(context) {
    const { inputs } = context;
    if ("sourceFormat" in inputs) return importDisk(context, inputs);
    return "isoSha256" in inputs ? installFromIso(context, inputs) : bootstrap(context, inputs);
  },
};

type Bootstrapped = Extract<InputsOf<typeof contract>, { kernel: string }>;

/** Straight into a disk image, without loop devices, mounts or privileges. */
async function bootstrap(
  context: StageContext<typeof contract>,
  { programs, recipe, diskBytes, kernel, snapshot, suite: other }: Bootstrapped,
): Promise<StageOutcome<typeof contract>> {
  const { request, key, work, container } = context;
  const template = inProject(request.templateFolder);
  const facts = readPlanned({
    source: join(template, "template.json"),
    digest: recipe["template.json"] ?? "",
  });
  const { minimumDiskBytes, ...own } = templateFile.parse(JSON.parse(facts.bytes.toString()));
  const suite = other ?? own.suite;
  await requireFreeSpace(work, minimumDiskBytes, "the installation");
  const packages = await packageCache(context);
  const { exitCode, tail } = await container({
    image: request.toolsImage,
    programs: plannedPrograms(programs),
    run: ["/template/base.py"],
    user: "root",
    network: "outside",
    allow: request.allow,
    bundles: { "/template": planned(recipe, (name) => join(template, name)) },
    results: { "/result": "." },
    caches: packages.caches,
    settings: {
      ...{ diskBytes, kernel, suite, snapshot },
      apt: hostAptConfiguration(suite),
      seed: key,
      sourceDateEpoch: sourceDateEpoch(snapshot),
      owner: [BUILD_UID, BUILD_GID],
      packageBytes: packages.bytes,
    },
    deadlineSeconds: request.timeoutSeconds,
    silenceSeconds: request.silenceSeconds,
  });
  if (exitCode !== 0) {
    throw new StageFailure(
      `installing the base system failed with exit code ${exitCode}\n${tail.slice(-12).join("\n")}`,
      { evidence: ["logs/container.log"], ...ifDiskIsFull(tail) },
    );
  }
  return { result: { disk: DISK, packageList: "packages.tsv" } };
}

/** A snapshot's day dates every file; without one, today's midnight does, so that two builds on a day can be compared. */
function sourceDateEpoch(snapshot: string | null): number {
  const day = snapshot ?? new Date().toISOString().slice(0, 10);
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}
