import { mkdirSync, openSync, closeSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { formatSeconds } from "../plan/units";
import { type Command, ProgramMissing, runProgram } from "../host/process";
import { displayPath } from "../host/project";
import type { Privilege } from "./dockerPlan";

const HEARTBEAT_SECONDS = 15;

/** The command line that does the same as root. */
export function asRoot(privilege: Privilege, command: Command): Command {
  return privilege === "root" ? command : ["sudo", "--", ...command];
}

export interface CommandOptions {
  /** Receives what the command prints. */
  readonly log: string;
  readonly print: (line: string) => void;
  readonly heartbeatSeconds?: number;
}

export interface CommandResult {
  /** 127, as a shell has it, where the program is not installed. */
  readonly exitCode: number;
  /** What it printed. */
  readonly output: string;
}

/** Runs a command with its output in a log, shows the command itself, and a line now and then while it runs. */
export async function runCommand(
  command: Command,
  options: CommandOptions,
): Promise<CommandResult> {
  const { log, print, heartbeatSeconds = HEARTBEAT_SECONDS } = options;
  print(`  $ ${command.join(" ")}`);
  mkdirSync(dirname(log), { recursive: true });
  const file = openSync(log, "a");
  const from = statSync(log).size;
  const started = performance.now();
  const beat = setInterval(() => {
    print(
      `  … ${formatSeconds((performance.now() - started) / 1000)} so far, log: ${displayPath(log)}`,
    );
  }, heartbeatSeconds * 1000);
  try {
    // straight into the log, not through a pipe: an installation is not cut off where set-up is killed. sudo asks on the terminal itself
    const exitCode = await runProgram(command, { outputTo: file, locale: "user" }).then(
      (ended) => ended.exitCode ?? 1,
      (error: Error) => {
        if (error instanceof ProgramMissing) return 127;
        throw error;
      },
    );
    return { exitCode, output: readFileSync(log).subarray(from).toString() };
  } finally {
    clearInterval(beat);
    closeSync(file);
  }
}

/** The last lines that say something. */
export function lastLines(text: string, count: number): string {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .slice(-count)
    .join("\n");
}
