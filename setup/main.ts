import { once } from "node:events";
import { createInterface } from "node:readline/promises";

import { findBuilderBase, isDebianImage } from "../executors/builderBase";
import { type DaemonFacts, daemonObstacle, readDaemon } from "../executors/daemon";
import { thisSite } from "../executors/site";
import { registryObstacle } from "../executors/registry";
import { EXIT, StageFailure } from "../host/failure";
import { defaultBaseImage } from "./defaults";
import { startBySystemd, startInBackground } from "./dockerDaemon";
import { type DockerPlan, type Lacking, planBase, planDocker, type Privilege } from "./dockerPlan";
import { readDockerFacts, readHost } from "./host";
import { dockerObstacle } from "../executors/dockerObstacle";
import { findProgram } from "../host/program";
import { installCommand, installPackages, updateCommand } from "./packages";

const REGISTRY_SECONDS = 8;

interface Options {
  readonly yes: boolean;
  /** The shell part of set-up has installed something. */
  readonly didSomething: boolean;
}

const print = (line: string) => process.stdout.write(line + "\n");
const terminal = process.stdin.isTTY && process.stdout.isTTY;

/** The second half of set-up: Docker, and what the base image needs. */
async function setUp({ yes, didSomething }: Options): Promise<Lacking | undefined> {
  let did = didSomething;
  const facts = await readDockerFacts(thisSite(), terminal);
  const dockerPlan = planDocker(facts);
  if (dockerPlan.kind === "lacking") return dockerPlan;
  if (dockerPlan.kind === "act") {
    print(
      `» ${dockerPlan.packages.length ? "install and start" : "start"} Docker (no daemon answers: ${facts.obstacle!.words})`,
    );
    const refused = await ask(
      yes,
      announce(facts.privilege, dockerPlan),
      "install Docker yourself and start it",
    );
    const lacking = refused ?? (await provideDocker(facts.privilege, dockerPlan));
    if (lacking) return lacking;
    did = true;
  }

  const host = await readHost(terminal);
  const base = defaultBaseImage();
  const present = (await findBuilderBase(thisSite(), base)) !== undefined;
  const mmdebstrap = findProgram("mmdebstrap") !== undefined;
  const basePlan = planBase({
    ...host,
    present,
    mmdebstrap,
    debian: isDebianImage(base.reference),
    registryObstacle:
      present || mmdebstrap
        ? undefined
        : await registryObstacle(thisSite(), base.reference, REGISTRY_SECONDS),
  });
  if (basePlan.kind === "lacking") return basePlan;
  if (basePlan.kind === "act") {
    print("» install mmdebstrap (no container registry answers, so the base image is made here)");
    const lacking =
      (await ask(
        yes,
        aptCommands(host.privilege, basePlan.packages),
        `install ${basePlan.packages.join(" ")} yourself`,
      )) ?? (await installPackages(host.privilege, basePlan.packages, print));
    if (lacking) return lacking;
    did = true;
  }

  const daemon = await readDaemon(thisSite());
  const problem = "obstacle" in daemon ? daemon : daemonObstacle(daemon);
  if (problem) return { kind: "lacking", message: problem.obstacle, next: problem.next };
  const versions = `Node ${process.version.slice(1)}, Docker ${(daemon as DaemonFacts).version}`;
  print(`set-up: ${did ? "done" : "nothing to do"} (${versions})`);
  return undefined;
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

/** Says what will be run as root, and asks where somebody can answer. */
async function ask(
  yes: boolean,
  commands: readonly string[],
  otherwise: string,
): Promise<Lacking | undefined> {
  print("  This will be run:");
  for (const command of commands) print(`    ${command}`);
  if (yes || !terminal) return undefined;
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  // end of input or Ctrl-C closes the reader: that means no
  const closed = once(reader, "close").then(() => "no");
  const answer = await Promise.race([reader.question("  Go on? [Y/n] ").catch(() => "no"), closed]);
  reader.close();
  if (/^(y|yes|)$/i.test(answer.trim())) return undefined;
  return {
    kind: "lacking",
    message: "nothing was changed",
    next: `${otherwise}, then run "./kragle setup" again`,
  };
}

setUp({
  yes: process.argv.includes("--yes"),
  didSomething: process.argv.includes("--did-something"),
}).then(
  (lacking) => {
    if (!lacking) return;
    process.stderr.write(`set-up: ${lacking.message}\n  next: ${lacking.next}\n`);
    process.exitCode = EXIT.lacking;
  },
  (error: Error) => {
    const known = error instanceof StageFailure ? error : undefined;
    const words = known ? `${known.message}\n  next: ${known.details.hint}` : error.stack;
    process.stderr.write(`set-up failed: ${words}\n`);
    process.exitCode = known?.details.exitCode ?? EXIT.failed;
  },
);
