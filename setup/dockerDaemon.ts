import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { isAlive } from "../host/alive";
import { readIfThere } from "../host/files";
import { type Command, outputOf, runProgram } from "../host/process";
import type { Lacking, Privilege } from "./dockerPlan";
import { asRoot, lastLines } from "./runCommand";

/** Log of a daemon that set-up starts without a service manager; only root can write it. */
const LOG = "/var/log/dockerd.log";
const PID_FILE = "/var/run/docker.pid";
const DEADLINE_SECONDS = 60;

export interface StartOptions {
  readonly privilege: Privilege;
  readonly print: (line: string) => void;
  /** Why the daemon does not answer yet; undefined once it does. */
  readonly obstacle: () => Promise<{ readonly words: string } | undefined>;
  /** The daemon's command line. */
  readonly daemon?: Command;
  readonly log?: string;
  readonly pidFile?: string;
  readonly deadlineSeconds?: number;
}

/** Starts the daemon as the system's service manager would, and waits until it answers. */
export async function startBySystemd(options: StartOptions): Promise<Lacking | undefined> {
  const command = asRoot(options.privilege, ["systemctl", "start", "docker"]);
  options.print(`  $ ${command.join(" ")}`);
  const { exitCode, stderr } = await runProgram(command);
  if (exitCode === 0 && !(await waitForAnswer(options, () => true))) return undefined;
  const short = ["--lines", "10", "--no-pager", "--output", "cat"];
  const journal = await outputOf(["journalctl", "--unit", "docker", ...short]).catch(() => "");
  return failure(lastLines(`${stderr}\n${journal}`, 10), "journalctl --unit docker");
}

/**
 * Starts the daemon in the background, where no service manager runs, and waits until it answers. It stays when set-up ends.
 * One that is just starting, or hangs, is waited for and left alone.
 */
export async function startInBackground(options: StartOptions): Promise<Lacking | undefined> {
  const { log = LOG, pidFile = PID_FILE } = options;
  const from = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  const running = Number(readIfThere(pidFile));
  const pid = isAlive(running) ? running : await launch(options, log);
  if (typeof pid === "string") return failure(pid, log);
  const obstacle = await waitForAnswer(options, () => isAlive(pid));
  if (!obstacle) return undefined;
  const words = complaints(Buffer.from(readIfThere(log)).subarray(from).toString());
  return failure(lastLines(words, 8) || obstacle, log);
}

// dockerd looks for iptables and containerd on PATH, where a plain user may not have the administrator's programs
const LAUNCH = `
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
log=$1
shift
cd /
setsid "$@" </dev/null >>"$log" 2>&1 &
echo $!`;

/** @returns the daemon's process id, or why there is none */
async function launch(
  { daemon = ["dockerd"], privilege, print }: StartOptions,
  log: string,
): Promise<number | string> {
  print(`  $ ${daemon.join(" ")} >> ${log} 2>&1 &`);
  const command = asRoot(privilege, ["sh", "-c", LAUNCH, "sh", log, ...daemon]);
  const { exitCode, stdout, stderr } = await runProgram(command, { locale: "user" });
  return exitCode === 0 ? Number(stdout) : stderr;
}

/** @returns the last obstacle, where the daemon did not answer in time, or has ended */
async function waitForAnswer(
  options: StartOptions,
  alive: () => boolean,
): Promise<string | undefined> {
  const deadline = performance.now() + (options.deadlineSeconds ?? DEADLINE_SECONDS) * 1000;
  for (;;) {
    const running = alive();
    const obstacle = await options.obstacle();
    if (!obstacle) return undefined;
    if (!running) return `it ended at once; ${obstacle.words}`;
    if (performance.now() > deadline) return obstacle.words;
    await sleep(250);
  }
}

/** The lines that may tell why dockerd failed: all but those of the levels info, debug and warning. */
function complaints(log: string): string {
  const lines = log.split("\n").filter((line) => !/level="?(info|debug|warning)/.test(line));
  return lines.length > 1 ? lines.join("\n") : log;
}

function failure(words: string, log: string): Lacking {
  return {
    kind: "lacking",
    message: `the Docker daemon did not start. Its own words:\n${words}`,
    next: `mend that, then run "./kragle setup" again; all of it: ${log}`,
  };
}
