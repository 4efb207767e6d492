import { styleText } from "node:util";

import { findPulumi } from "../../engine/choose";
import {
  type DaemonFacts,
  type DaemonObstacle,
  daemonObstacle,
  readDaemon,
} from "../../executors/daemon";
import { findBuilderBase } from "../../executors/builderBase";
import { inspectImage } from "../../executors/images";
import { type Site, thisSite } from "../../executors/site";
import { EXIT, StageFailure } from "../../host/failure";
import { homeFolder } from "../../host/home";
import { print } from "../../host/output";
import { mirrorObstacles } from "../../host/packageMirror";
import { stackNames } from "../../host/project";
import { hostProxyEnvironment } from "../../host/proxies";
import { remembered } from "../../infra/remembered";
import { makePlan } from "../../infra/stackPlan";
import { OLDEST_PULUMI } from "../../infra/pulumiVersion";
import { SettingsError } from "../../infra/settings";
import type { SourceDisk, StackSpec } from "../../plan/imageSpec";
import { identityOf } from "../../store/identity";
import type { CommonOptions } from "../options";
import { readStack, type StackSettings } from "../stackSettings";
import {
  areDependenciesStale,
  readGuestNetwork,
  readKvm,
  readNetwork,
  readProcessor,
  readRegistry,
  readSelinux,
} from "./facts";
import * as judge from "./requirements";
import * as around from "./surroundings";
import {
  digestOrFailure,
  engineRequirements,
  examineImages,
  releaseRequirement,
  settingsRequirement,
} from "./wanted";
import { kvmRequirement, processorRequirement } from "./virtualization";

/** `kragle doctor`: what this machine has and lacks for a stack's settings. Exit code 3 where something is missing. */
export async function doctor({ stack, json }: CommonOptions): Promise<number> {
  const settings = readWanted(stack);
  const requirements = await examine(settings, stack);
  const count = (status: judge.Status) =>
    requirements.filter((requirement) => requirement.status === status).length;
  const [missing, degraded] = [count("missing"), count("degraded")];
  if (json) {
    print(JSON.stringify({ stack, missing, degraded, requirements }) + "\n");
  } else {
    const summary = missing
      ? `${missing} missing: stack ${stack} cannot be built here before that is mended`
      : `nothing is missing${degraded ? `, ${degraded} with a drawback` : ""}: stack ${stack} can be built here`;
    print(`${describe(requirements)}\n${summary}\n`);
  }
  // as `up` would end
  if (requirements.some(({ wrongSettings }) => wrongSettings)) return EXIT.wrongSettings;
  return missing ? EXIT.lacking : EXIT.done;
}

type Wanted = { readonly settings: StackSettings; readonly spec: StackSpec };

/** @throws SettingsError for a stack that there is not: nothing could be said of it */
function readWanted(stack: string): Wanted | SettingsError {
  try {
    return readStack(stack);
  } catch (error) {
    if (error instanceof SettingsError && stackNames().includes(stack)) return error;
    throw error;
  }
}

/** Where the settings are wrong, what does not depend on them is told. */
async function examine(
  wanted: Wanted | SettingsError,
  stack: string,
): Promise<judge.Requirement[]> {
  const spec = wanted instanceof SettingsError ? undefined : wanted.spec;
  const { site, daemon } = await askDocker();
  const usable = site && !daemonObstacle(daemon) ? (daemon as DaemonFacts) : undefined;
  const images = spec?.images ?? [];
  const home = site?.home ?? homeFolder();
  const digest = remembered((from: SourceDisk) => digestOrFailure(home, from));
  const sources = await Promise.all(
    images.map(async ({ from }) => (from ? digest(from) : undefined)),
  );
  // without what would be asked of libvirt, of a signing key, of places and of a disk's list: those have rows of their own
  const modest = images.map((image, index) => {
    const source = sources[index];
    const isKnown = image.from !== null && source !== undefined && "digest" in source;
    const from = isKnown ? { ...image.from, digest: source.digest } : null;
    return { ...image, smoke: "none", signKey: null, publish: [], from } as const;
  });
  const project = wanted instanceof SettingsError ? "" : wanted.settings.project;
  const owner = identityOf(home, { project, stack });
  const release = await releaseRequirement(home, images, owner);
  const isPlanned = usable && spec && release?.status !== "missing";
  const plan = isPlanned ? await makePlan(site!, { images: modest }, owner) : undefined;
  const toolsImage = plan && (await presentImage(site!, plan.builder.reference));
  const processor = readProcessor();
  // what builds is the same for all images
  const [first] = images;
  const anyImage =
    toolsImage ??
    (usable && first && (await findBuilderBase(site!, { reference: first.baseImage }).catch(none)));
  const allowed = [...new Set(images.flatMap((image) => image.network.allow))];
  const [kvm, registry, network, guestNetwork, pulumi] = await Promise.all([
    first && usable ? readKvm(site!, first.accelerator, toolsImage) : undefined,
    usable && first && !first.builderImage ? readRegistry(site!, first.baseImage) : undefined,
    usable ? readNetwork(site!, anyImage) : undefined,
    usable && first ? readGuestNetwork(site!, toolsImage, allowed) : undefined,
    findPulumi().catch((error: StageFailure) => error),
  ]);
  return [
    settingsRequirement(wanted),
    judge.nodeRequirement(process.versions.node),
    judge.dependenciesRequirement(areDependenciesStale()),
    judge.dockerRequirement(daemon),
    network && judge.networkRequirement(network),
    guestNetwork &&
      (typeof network === "object" ? undefined : judge.guestNetworkRequirement(guestNetwork)),
    registry && around.registryRequirement(registry),
    around.proxyRequirement(hostProxyEnvironment()),
    around.mirrorRequirement(mirrorObstacles()),
    release,
    ...(await examineImages(home, images, owner, { daemon: usable, toolsImage, plan, sources })),
    processorRequirement(processor, kvm?.probe?.works ?? false),
    kvm && kvmRequirement(kvm, processor),
    around.pulumiRequirement(pulumi, OLDEST_PULUMI),
    ...(wanted instanceof SettingsError || pulumi instanceof StageFailure
      ? []
      : engineRequirements(pulumi, wanted)),
    around.selinuxRequirement(readSelinux(usable?.confinesBySelinux ?? false)),
  ].filter((requirement) => requirement !== undefined);
}

const none = () => undefined;

type Docker = { site?: Site; daemon: DaemonFacts | DaemonObstacle };

async function askDocker(): Promise<Docker> {
  try {
    const site = thisSite();
    return { site, daemon: await readDaemon(site) };
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    return { daemon: { obstacle: error.message, next: error.details.hint ?? "./kragle setup" } };
  }
}

/** The image's reference, if the daemon has it. */
async function presentImage(site: Site, reference: string): Promise<string | undefined> {
  const found = await inspectImage(site, reference).catch(none);
  return found && reference;
}

const COLORS = { ok: "green", degraded: "yellow", missing: "red" } as const;

/** One line a requirement, aligned, and below it what to do. */
export function describe(requirements: readonly judge.Requirement[]): string {
  const width = Math.max(...requirements.map(({ name }) => name.length));
  const lines = requirements.flatMap(({ name, status, found, need, next }) => {
    const indent = " ".repeat("degraded".length + width + 4);
    const inColumn = (text: string) => text.split("\n").join(`\n${indent}`);
    // padded before it is coloured: escape sequences have no width
    const word = styleText(COLORS[status], status.padEnd("degraded".length), {
      stream: process.stdout,
    });
    return [
      `${word}  ${name.padEnd(width)}  ${inColumn(found)}`,
      ...(status === "ok" ? [] : [`${indent}needed: ${need}`, `${indent}next: ${next}`]),
    ];
  });
  return lines.map((line) => line + "\n").join("");
}
