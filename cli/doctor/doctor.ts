import { styleText } from "node:util";

import { findPulumi } from "../../engine/choose";
import { makePlan } from "../../infra/plan";
import { OLDEST_PULUMI } from "../../infra/pulumiVersion";
import type { ImageSpec } from "../../plan/imageSpec";
import { diskNeed, diskRequirements } from "./diskSpace";
import {
  areDependenciesStale,
  type DaemonFacts,
  readDaemon,
  readKvm,
  readMemory,
  readPlace,
  readProcessor,
  readRegistry,
  readSelinux,
} from "./facts";
import * as judge from "./requirements";
import * as around from "./surroundings";
import { kvmRequirement, processorRequirement } from "./virtualization";
import { findIso } from "../../host/iso";
import { inspectImage } from "../../executors/images";
import { type Site, thisSite } from "../../executors/site";
import { EXIT } from "../../host/failure";
import { hostProxyEnvironment } from "../../host/proxies";
import { inProject } from "../../host/project";
import { readStackRecord } from "../../store/stackRecord";
import type { CommonOptions } from "../options";
import { readStack } from "../stackSettings";

/** What an image takes on disk before one was built, in bytes; measured for the template debian12. */
const EXPECTED_BYTES = { cloud: 512 * 2 ** 20, generic: 1024 * 2 ** 20 };

/** `kragle doctor`: what this machine has and lacks for a stack's settings. Exit code 3 where something is missing. */
export async function doctor({ stack, json }: CommonOptions): Promise<number> {
  const { spec } = readStack(stack);
  const requirements = await examine(thisSite(), spec, stack);
  const count = (status: judge.Status) =>
    requirements.filter((requirement) => requirement.status === status).length;
  const [missing, degraded] = [count("missing"), count("degraded")];
  if (json) {
    process.stdout.write(JSON.stringify({ stack, missing, degraded, requirements }) + "\n");
  } else {
    const summary = missing
      ? `${missing} missing: stack ${stack} cannot be built here before that is mended`
      : `nothing is missing${degraded ? `, ${degraded} with a drawback` : ""}: stack ${stack} can be built here`;
    process.stdout.write(`${describe(requirements)}\n${summary}\n`);
  }
  return missing ? EXIT.lacking : EXIT.done;
}

async function examine(site: Site, spec: ImageSpec, stack: string): Promise<judge.Requirement[]> {
  const daemon = await readDaemon(site);
  const answers = !("obstacle" in daemon);
  const plan = answers ? await makePlan(site, spec, stack) : undefined;
  const toolsImage = plan && (await presentImage(site, plan.tools.reference));
  const processor = readProcessor();
  const [kvm, registry, pulumi] = await Promise.all([
    readKvm(site, spec.accelerator, toolsImage),
    answers && !spec.builderImage ? readRegistry(site, spec.baseImage) : undefined,
    findPulumi(),
  ]);
  return [
    judge.nodeRequirement(process.versions.node),
    judge.dependenciesRequirement(areDependenciesStale()),
    judge.dockerRequirement(daemon),
    ...(registry ? [around.registryRequirement(registry)] : []),
    around.proxyRequirement(hostProxyEnvironment()),
    ...(await examineDisk(site.home, spec, stack, answers ? daemon : undefined, toolsImage)),
    ...(spec.iso
      ? [
          around.isoRequirement({
            wanted: spec.iso,
            found: findIso(site.home, spec.iso),
            installed: plan?.observed.get("base")?.observation.state === "present",
          }),
        ]
      : []),
    judge.memoryRequirement(readMemory(), spec.memoryMiB),
    processorRequirement(processor, kvm.probe?.works ?? false),
    kvmRequirement(kvm, processor),
    around.pulumiRequirement(pulumi, OLDEST_PULUMI),
    around.selinuxRequirement(readSelinux(answers && daemon.confinesBySelinux)),
  ].filter((requirement) => requirement !== undefined);
}

/** The image's reference, if the daemon has it. */
async function presentImage(site: Site, reference: string): Promise<string | undefined> {
  const found = await inspectImage(site, reference).catch(() => undefined);
  return found && reference;
}

async function examineDisk(
  home: string,
  spec: ImageSpec,
  stack: string,
  daemon: DaemonFacts | undefined,
  toolsImage: string | undefined,
): Promise<judge.Requirement[]> {
  const last = await readStackRecord(home, stack);
  const need = diskNeed({
    diskBytes: spec.diskBytes,
    formats: spec.formats,
    expectedImageBytes:
      Number(last?.outputs.imageBytes) ||
      (spec.template.medium?.expectedImageBytes ?? EXPECTED_BYTES[spec.kernel]),
    builder: !toolsImage,
    installer: spec.iso !== null,
    fetchesIso: spec.iso !== null && !findIso(home, spec.iso),
  });
  return diskRequirements([
    readPlace("the store", home, need.store),
    readPlace(spec.path, inProject(spec.path), need.output),
    ...(daemon && !daemon.remote ? [readPlace("Docker", daemon.folder, need.docker)] : []),
  ]);
}

const COLORS = { ok: "green", degraded: "yellow", missing: "red" } as const;

/** One line a requirement, aligned, and below it what to do. */
export function describe(requirements: readonly judge.Requirement[]): string {
  const width = Math.max(...requirements.map(({ name }) => name.length));
  const lines = requirements.flatMap(({ name, status, found, need, next }) => {
    const indent = " ".repeat("degraded".length + width + 4);
    // padded before it is coloured: escape sequences have no width
    const word = styleText(COLORS[status], status.padEnd("degraded".length), {
      stream: process.stdout,
    });
    return [
      `${word}  ${name.padEnd(width)}  ${found}`,
      ...(status === "ok" ? [] : [`${indent}needed: ${need}`, `${indent}next: ${next}`]),
    ];
  });
  return lines.map((line) => line + "\n").join("");
}
