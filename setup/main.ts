import { findBuilderBase, isDebianImage } from "../executors/builderBase";
import { type DaemonFacts, daemonObstacle, readDaemon } from "../executors/daemon";
import { dockerObstacle } from "../executors/dockerObstacle";
import { registryObstacle } from "../executors/registry";
import { thisSite } from "../executors/site";
import { ask } from "../host/ask";
import { EXIT, StageFailure } from "../host/failure";
import { endOutput, print, say, tell, watchStreams } from "../host/output";
import { findProgram } from "../host/program";
import { defaultBaseImage } from "./defaults";
import { startBySystemd, startInBackground } from "./dockerDaemon";
import { type DockerPlan, type Lacking, planBase, planDocker, type Privilege } from "./dockerPlan";
import { readDockerFacts, readHost } from "./host";
import { installCommand, installPackages, updateCommand } from "./packages";

const REGISTRY_SECONDS = 8;

const given = (option: string) => process.argv.includes(option);
const json = given("--json");
const line = (text: string) => (json ? tell : say)(`${text}\n`);
const terminal = process.stdin.isTTY && process.stderr.isTTY;

interface Done {
  readonly kind: "done";
  /** Whether anything was lacking before. */
  readonly changed: boolean;
  readonly node: string;
  readonly docker: string;
}

/** The second half of set-up: Docker, and what the base image needs. Asks once at most. */
async function setUp(): Promise<Done | Lacking> {
  // the shell part of set-up may have installed something
  let changed = given("--did-something");
  let agreed = given("--yes") || !terminal;
  const base = defaultBaseImage();
  const debian = isDebianImage(base.reference);
  const facts = await readDockerFacts(thisSite(), terminal);
  const dockerPlan = planDocker(facts);
  if (dockerPlan.kind === "lacking") return dockerPlan;
  if (dockerPlan.kind === "act") {
    const { privilege } = facts;
    // whether a registry answers, only the daemon will know
    const perhaps = findProgram("mmdebstrap")
      ? ({ kind: "nothing" } as const)
      : planBase({ ...facts, debian, present: false, mmdebstrap: false, registryObstacle: "" });
    line(
      `» ${dockerPlan.packages.length ? "install and start" : "start"} Docker (no daemon answers: ${facts.obstacle!.words})`,
    );
    const commands = announce(privilege, dockerPlan);
    if (perhaps.kind === "act") {
      commands.push(
        `${installCommand(privilege, perhaps.packages).join(" ")}   # only where no container registry answers: it makes the base image`,
      );
    }
    const lacking =
      (await refusal(agreed, commands, "install Docker yourself and start it")) ??
      (await provideDocker(privilege, dockerPlan));
    if (lacking) return lacking;
    changed = agreed = true;
  }

  const host = await readHost(terminal);
  const present = (await findBuilderBase(thisSite(), base)) !== undefined;
  const mmdebstrap = findProgram("mmdebstrap") !== undefined;
  const basePlan = planBase({
    ...host,
    present,
    mmdebstrap,
    debian,
    registryObstacle:
      present || mmdebstrap
        ? undefined
        : await registryObstacle(thisSite(), base.reference, REGISTRY_SECONDS),
  });
  if (basePlan.kind === "lacking") return basePlan;
  if (basePlan.kind === "act") {
    const { packages } = basePlan;
    line("» install mmdebstrap (no container registry answers, so the base image is made here)");
    const commands = aptCommands(host.privilege, packages);
    const lacking =
      (await refusal(agreed, commands, `install ${packages.join(" ")} yourself`)) ??
      (await installPackages(host.privilege, packages, line));
    if (lacking) return lacking;
    changed = true;
  }

  const daemon = await readDaemon(thisSite());
  const problem = "obstacle" in daemon ? daemon : daemonObstacle(daemon);
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
  privilege: Privilege,
  { packages, start }: Act,
): Promise<Lacking | undefined> {
  if (packages.length) {
    const lacking = await installPackages(privilege, packages, line, CLIENT);
    if (lacking) return lacking;
  }
  const options = { privilege, print: line, obstacle: usableObstacle };
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
  agreed: boolean,
  commands: readonly string[],
  otherwise: string,
): Promise<Lacking | undefined> {
  line("  This will be run:");
  for (const command of commands) line(`    ${command}`);
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

/** @returns the exit code */
function report(result: Done | Lacking): number {
  if (result.kind === "lacking") return reportFailure(result.message, result.next, EXIT.lacking);
  const { kind: _, ...facts } = result;
  if (json) print(JSON.stringify(facts) + "\n");
  else {
    const did = facts.changed ? "done" : "nothing to do";
    line(`set-up: ${did} (Node ${facts.node}, Docker ${facts.docker})`);
  }
  return EXIT.done;
}

function reportFailure(message: string, next: string | undefined, exitCode: number): number {
  tell(`set-up: ${message}\n${next ? `  next: ${next}\n` : ""}`);
  if (json) print(JSON.stringify({ error: message, exitCode }) + "\n");
  return exitCode;
}

watchStreams();
void setUp()
  .then(report, (error: Error) =>
    error instanceof StageFailure
      ? reportFailure(
          `failed: ${error.message}`,
          error.details.hint,
          error.details.exitCode ?? EXIT.failed,
        )
      : reportFailure(`failed: ${error.stack}`, undefined, EXIT.failed),
  )
  .then((exitCode) => {
    process.exitCode = endOutput(exitCode);
  });
