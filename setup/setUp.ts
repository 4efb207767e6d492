import { findBuilderBase, isDebianImage } from "../executors/builderBase";
import { type DaemonFacts, daemonObstacle, readDaemon } from "../executors/daemon";
import { dockerObstacle } from "../executors/dockerObstacle";
import { registryObstacle } from "../executors/registry";
import { thisSite } from "../executors/site";
import { ask } from "../host/ask";
import { findProgram } from "../host/program";
import { defaultBaseImage } from "./defaults";
import { startBySystemd, startInBackground } from "./dockerDaemon";
import { type DockerPlan, type Lacking, planBase, planDocker, type Privilege } from "./dockerPlan";
import { readDockerFacts, readHost } from "./host";
import { installCommand, installPackages, updateCommand } from "./packages";

const REGISTRY_SECONDS = 8;

export interface Done {
  readonly kind: "done";
  /** Whether anything was lacking before. */
  readonly changed: boolean;
  readonly node: string;
  readonly docker: string;
}

export interface SetUpOptions {
  /** Somebody can be asked, for a password too. */
  readonly terminal: boolean;
  /** Whatever is lacking may be installed and started without a question. */
  readonly agreed: boolean;
  /** The shell part of set-up has installed something. */
  readonly changed: boolean;
  readonly print: (line: string) => void;
}

/** The second half of set-up: Docker, and what the base image needs. Asks once at most. */
export async function setUp(options: SetUpOptions): Promise<Done | Lacking> {
  const { terminal, print } = options;
  let { changed, agreed } = options;
  const image = defaultBaseImage();
  const debian = isDebianImage(image.reference);
  const mmdebstrap = findProgram("mmdebstrap") !== undefined;
  const facts = await readDockerFacts(thisSite(), terminal);
  const dockerPlan = planDocker(facts);
  if (dockerPlan.kind === "lacking") return dockerPlan;
  if (dockerPlan.kind === "act") {
    const { privilege } = facts;
    // whether a registry answers, only the daemon will know
    const perhaps = planBase({
      ...facts,
      debian,
      mmdebstrap,
      present: false,
      registryObstacle: "",
    });
    print(
      `» ${dockerPlan.packages.length ? "install and start" : "start"} Docker (no daemon answers: ${facts.obstacle!.words})`,
    );
    const commands = announce(privilege, dockerPlan);
    if (perhaps.kind === "act") {
      commands.push(
        `${installCommand(privilege, perhaps.packages).join(" ")}   # only where no container registry answers: it makes the base image`,
      );
    }
    const lacking =
      (await refusal(print, agreed, commands, "install Docker yourself and start it")) ??
      (await provideDocker(options, privilege, dockerPlan));
    if (lacking) return lacking;
    changed = agreed = true;
  }

  const host = await readHost(terminal);
  const present = (await findBuilderBase(thisSite(), image)) !== undefined;
  const silence =
    present || mmdebstrap
      ? undefined
      : await registryObstacle(thisSite(), image.reference, REGISTRY_SECONDS);
  const basePlan = planBase({ ...host, debian, mmdebstrap, present, registryObstacle: silence });
  if (basePlan.kind === "lacking") return basePlan;
  if (basePlan.kind === "act") {
    const { packages } = basePlan;
    print("» install mmdebstrap (no container registry answers, so the base image is made here)");
    const commands = aptCommands(host.privilege, packages);
    const lacking =
      (await refusal(print, agreed, commands, `install ${packages.join(" ")} yourself`)) ??
      (await installPackages(host.privilege, packages, print));
    if (lacking) return lacking;
    changed = true;
  }

  const daemon = await readDaemon(thisSite());
  const problem = daemonObstacle(daemon);
  if (problem) return { kind: "lacking", message: problem.obstacle, next: problem.next };
  const { version: docker } = daemon as DaemonFacts;
  return { kind: "done", changed, node: process.version.slice(1), docker };
}

type Act = Extract<DockerPlan, { kind: "act" }>;

function announce(privilege: Privilege, { packages, start }: Act): string[] {
  const sudo = privilege === "root" ? "" : "sudo ";
  return [
    ...(packages.length
      ? aptCommands(privilege, [...packages, ...CLIENT.map((name) => `[${name}]`)])
      : []),
    start === "systemd" ? `${sudo}systemctl start docker` : `${sudo}dockerd (in the background)`,
  ];
}

const aptCommands = (privilege: Privilege, packages: readonly string[]) =>
  [updateCommand(privilege), installCommand(privilege, packages)].map((command) =>
    command.join(" "),
  );

/** Newer releases have Docker's client in a package of its own; kragle does without it, its users may not want to. */
const CLIENT = ["docker-cli"];

async function provideDocker(
  { terminal, print }: SetUpOptions,
  privilege: Privilege,
  { packages, start }: Act,
): Promise<Lacking | undefined> {
  if (packages.length) {
    const lacking = await installPackages(privilege, packages, print, CLIENT);
    if (lacking) return lacking;
  }
  const options = { privilege, print, obstacle: usableObstacle };
  // a package may have started its service already
  if (!(await usableObstacle())) return undefined;
  const lacking = await (start === "systemd"
    ? startBySystemd(options)
    : startInBackground(options));
  if (lacking) return lacking;
  const plan = planDocker(await readDockerFacts(thisSite(), terminal));
  return plan.kind === "lacking" ? plan : undefined;
}

/** Why no daemon runs here; undefined also for one that runs and only refuses this user. */
async function usableObstacle() {
  const obstacle = await dockerObstacle(thisSite());
  return obstacle?.code === "EACCES" ? undefined : obstacle;
}

/** Says what will be run as root, and asks unless that is agreed upon. @returns that it may not be run */
async function refusal(
  print: SetUpOptions["print"],
  agreed: boolean,
  commands: readonly string[],
  otherwise: string,
): Promise<Lacking | undefined> {
  print("  This will be run:");
  for (const command of commands) print(`    ${command}`);
  if (agreed) return undefined;
  // the end of the input means no
  const answer = (await ask("  Go on? [Y/n] ")) ?? "no";
  if (/^(y|yes|)$/i.test(answer)) return undefined;
  return {
    kind: "lacking",
    message: "nothing was changed",
    next: `${otherwise}, then run "./kragle setup" again`,
  };
}
