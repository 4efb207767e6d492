import { askPulumi } from "../../engine/choose";
import { findBuilderBase } from "../../executors/builderBase";
import {
  type DaemonFacts,
  type DaemonObstacle,
  daemonObstacle,
  readDaemon,
} from "../../executors/daemon";
import { inspectImage } from "../../executors/images";
import { type Site, thisDocker } from "../../executors/site";
import { StageFailure } from "../../host/failure";
import { claimHome, homeFolder } from "../../host/home";
import { mirrorObstacles } from "../../host/packageMirror";
import { hostProxyEnvironment } from "../../host/proxies";
import { OLDEST_PULUMI } from "../../host/pulumiVersion";
import type { SourceDisk } from "../../plan/imageSpec";
import { sourceDigest } from "../../preview/plan";
import { remembered } from "../../preview/remembered";
import { makePlan } from "../../preview/stackPlan";
import { defaultBaseImage } from "../../setup/defaults";
import { identityOf } from "../../store/identity";
import { isAnotherProgram } from "../anotherProgram";
import { engineProblems } from "../engineNeeds";
import {
  areDependenciesStale,
  readGuestNetwork,
  readKvm,
  readNetwork,
  readProcessor,
  readRegistry,
  readSelinux,
} from "./facts";
import type { Wanted } from "./readWanted";
import * as judge from "./requirements";
import * as around from "./surroundings";
import { attempt, examined, isProblem, type Problem, refused } from "./tried";

import { kvmRequirement, processorRequirement } from "./virtualization";
import { examineImages, releaseRequirement, settingsRequirement } from "./wanted";

/** A row for all that a stack needs. Where settings, home or daemon are not what they should be, what does not depend on them is told. */
export async function examine(wanted: Wanted, stack: string): Promise<judge.Requirement[]> {
  const home = await attempt(() => {
    const folder = homeFolder();
    claimHome(folder);
    return folder;
  });
  const docker = await attempt(thisDocker);
  const daemon = isProblem(docker) ? obstacleOf(docker) : await askDaemon(docker);
  const site = isProblem(docker) || isProblem(home) ? undefined : { home, docker };
  const usable =
    site && !daemonObstacle(daemon) ? { site, daemon: daemon as DaemonFacts } : undefined;
  const stackRows = isProblem(home)
    ? { rows: [], toolsImage: undefined }
    : await examineStack(home, wanted, stack, usable);
  const [first] = wanted.known?.spec.images ?? [];
  const { toolsImage } = stackRows;
  const all = await Promise.all([
    examined("Settings", () => settingsRequirement(wanted.problem)),
    examined("Home", () =>
      isProblem(home) ? refused("Home", "a folder of kragle's own", home) : undefined,
    ),
    examined("Node", () => judge.nodeRequirement(process.versions.node)),
    examined("Node dependencies", () => judge.dependenciesRequirement(areDependenciesStale())),
    examined("Docker", () => judge.dockerRequirement(daemon)),
    examined("Containers", () =>
      usable ? examineContainers(usable.site, wanted, toolsImage) : undefined,
    ),
    examined("Proxy", () => around.proxyRequirement(hostProxyEnvironment())),
    examined("Package mirror", () => around.mirrorRequirement(mirrorObstacles())),
    examined("Images", () => stackRows.rows),
    examined("Processor", async () => {
      const processor = readProcessor();
      const kvm = usable && first && (await readKvm(usable.site, first.accelerator, toolsImage));
      return [
        processorRequirement(processor, kvm?.probe?.works ?? false),
        kvm && kvmRequirement(kvm, processor),
      ];
    }),
    examined("Pulumi CLI", () => examinePulumi(wanted)),
    examined("SELinux", () =>
      around.selinuxRequirement(readSelinux(usable?.daemon.confinesBySelinux ?? false)),
    ),
  ]);
  return all.flat();
}

const none = () => undefined;

const obstacleOf = (problem: Problem): DaemonObstacle => ({
  obstacle: problem.message,
  next: (problem instanceof StageFailure && problem.details.hint) || "./kragle setup",
});

async function askDaemon(docker: Site["docker"]): Promise<DaemonFacts | DaemonObstacle> {
  const daemon = await attempt(() => readDaemon({ docker }));
  return isProblem(daemon) ? obstacleOf(daemon) : daemon;
}

/** What is planned for the stack, and what its images need. */
async function examineStack(
  home: string,
  { known }: Wanted,
  stack: string,
  usable: { readonly site: Site; readonly daemon: DaemonFacts } | undefined,
): Promise<{ readonly rows: judge.Requirement[]; readonly toolsImage: string | undefined }> {
  if (!known) return { rows: [], toolsImage: undefined };
  const { images } = known.spec;
  const owner = await attempt(() => identityOf(home, { project: known.settings.project, stack }));
  if (isProblem(owner)) {
    return {
      rows: [refused("Stack", "one that can be told from others", owner)],
      toolsImage: undefined,
    };
  }
  const digest = remembered((from: SourceDisk) => attempt(() => sourceDigest(home, from)));
  const sources = await Promise.all(
    images.map(async ({ from }) => (from ? digest(from) : undefined)),
  );
  // without what would be asked of libvirt, of a signing key, of places and of a disk's list: those have rows of their own
  const modest = images.map((image, index) => {
    const source = sources[index];
    const from =
      image.from && source && !isProblem(source) ? { ...image.from, digest: source.digest } : null;
    return { ...image, smoke: "none", signKey: null, publish: [], from } as const;
  });
  const release = await releaseRequirement(home, images, owner);
  const planned =
    usable && release?.status !== "missing"
      ? await attempt(() => makePlan(usable.site, { images: modest }, owner))
      : undefined;
  const plan = isProblem(planned) ? undefined : planned;
  const toolsImage = usable && plan && (await presentImage(usable.site, plan.builder.reference));
  const rows = [
    release,
    isProblem(planned) ? refused("Plan", "one of what will run", planned) : undefined,
    ...(await examined("Images", () =>
      examineImages(home, images, owner, { daemon: usable?.daemon, toolsImage, plan, sources }),
    )),
  ];
  return { rows: rows.filter((row) => row !== undefined), toolsImage };
}

/** Networks and registry. What builds is the same for all images. */
async function examineContainers(
  site: Site,
  { known }: Wanted,
  toolsImage: string | undefined,
): Promise<judge.Requirement[]> {
  const images = known?.spec.images ?? [];
  const [first] = images;
  const allowed = [...new Set(images.flatMap(({ network }) => network.allow))];
  // a program's images are not known here, but most of them are built on the default
  const unknown = isAnotherProgram() ? defaultBaseImage().reference : undefined;
  const reference = first ? first.baseImage : unknown;
  const anyImage =
    toolsImage ?? (reference && (await findBuilderBase(site, { reference }).catch(none)));
  const network = await attempt(() => readNetwork(site, anyImage));
  const rows = await Promise.all([
    examined("Docker's network", () => {
      if (isProblem(network)) throw network;
      return judge.networkRequirement(network);
    }),
    // where containers have no network at all, that is the row
    examined("Guest's network", async () =>
      first && typeof network !== "object"
        ? judge.guestNetworkRequirement(await readGuestNetwork(site, toolsImage, allowed))
        : undefined,
    ),
    examined("Container registry", async () =>
      reference && !first?.builderImage
        ? around.registryRequirement(await readRegistry(site, reference))
        : undefined,
    ),
  ]);
  return rows.flat();
}

/** The image's reference, if the daemon has it. */
async function presentImage(site: Site, reference: string): Promise<string | undefined> {
  const found = await inspectImage(site, reference).catch(none);
  return found && reference;
}

async function examinePulumi({ known }: Wanted): Promise<judge.Requirement> {
  const found = await askPulumi().catch((error: StageFailure) => error);
  const problems = known
    ? engineProblems("embedded", undefined, known.settings, known.spec.images)
    : isAnotherProgram()
      ? [new StageFailure("only it runs the program of this project, which is not kragle's own")]
      : [];
  return around.pulumiRequirement(found, OLDEST_PULUMI, problems);
}
