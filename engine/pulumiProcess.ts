import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

import type { EngineEvent } from "@pulumi/pulumi/automation";

import { dockerEndpoint } from "../executors/dockerEndpoint";
import { EXIT } from "../host/failure";
import { endSessionWithThisProcess, removeAfterThisProcess } from "../host/lifeline";
import { LineSplitter } from "../host/lines";
import { projectFolder } from "../host/project";
import { makeTemporaryFolder } from "../host/temporaryFolder";
import { StepFailed } from "./events";
import { backendEnvironment } from "./pulumiBackend";

export type PulumiEvent = EngineEvent;

interface PulumiOptions {
  /** The `.kragle` folder, which has the state where no backend was chosen. */
  readonly home: string;
  /** Receives the engine's events while the command runs. */
  readonly onEvent?: (event: PulumiEvent) => void;
  /** Receives what the command prints. */
  readonly onLine?: (line: string) => void;
  /** Variables for the program, which the CLI starts in a process of its own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Cancels the update as Ctrl-C does. */
  readonly signal?: AbortSignal;
}

/** How often the event log is read while a command runs, in milliseconds. */
const POLL = 150;

/**
 * Runs one command of the Pulumi CLI. The SDK's Automation API does the same, but starts the CLI five times for one update,
 * which takes longer than an update without changes.
 */
export async function pulumi(
  args: readonly string[],
  { home, onEvent, onLine, environment, signal }: PulumiOptions,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const folder = onEvent ? makeTemporaryFolder("kragle-events-") : undefined;
  const log = folder ? join(folder, "events") : undefined;
  if (folder) removeAfterThisProcess(folder);
  if (log) writeFileSync(log, "");
  const { address, saidBy } = dockerEndpoint();
  const all = [...args, "--non-interactive", ...(log ? ["--event-log", log] : [])];
  // not by runProgram, which waits for the end of the output: plugins that the CLI leaves running hold that open
  const child = spawn("pulumi", all, {
    cwd: projectFolder,
    // without it the CLI does not know --event-log; the Automation API sets it too
    env: {
      ...process.env,
      ...backendEnvironment(home),
      // Pulumi's Docker provider does not know the contexts of Docker's client
      ...(saidBy ? { DOCKER_HOST: address } : {}),
      ...environment,
      PULUMI_DEBUG_COMMANDS: "true",
    },
    stdio: ["ignore", "pipe", "pipe"],
    // in a group of its own: Ctrl-C would reach it directly too, and a second signal makes it give up at once
    detached: true,
  });
  // plugins of a killed CLI would live on for five minutes
  if (child.pid !== undefined) child.once("exit", endSessionWithThisProcess(child.pid));
  const interrupt = () => child.kill("SIGINT");
  signal?.addEventListener("abort", interrupt);
  const events = log && onEvent ? followEvents(log, onEvent) : undefined;
  const stdout: Buffer[] = [];
  let stderr = "";
  const lines = new LineSplitter((line) => onLine?.(line));
  child.stdout.on("data", (chunk: Buffer) => {
    stdout.push(chunk);
    lines.write(chunk);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  try {
    const [code] = (await once(child, "close")) as [number | null];
    lines.end();
    await events?.stop();
    return { code: code ?? EXIT.failed, stdout: Buffer.concat(stdout).toString(), stderr };
  } finally {
    signal?.removeEventListener("abort", interrupt);
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
}

export const isUnknownStack = (stderr: string) => /^error: no stack named/m.test(stderr);

export async function createStack(home: string, stack: string): Promise<void> {
  const made = await pulumi(["stack", "init", stack, "--no-select"], { home });
  if (made.code !== 0) throw new StepFailed("pulumi", made.stderr.trim(), EXIT.failed);
}

/** Reads a growing file of JSON lines. */
function followEvents(file: string, onEvent: (event: PulumiEvent) => void) {
  const handle = open(file, "r");
  let rest = "";
  let ended = false;
  const buffer = Buffer.alloc(2 ** 16);
  const decoder = new TextDecoder();
  const drain = async () => {
    for (;;) {
      const { bytesRead } = await (await handle).read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      const parts = (rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split(
        "\n",
      );
      rest = parts.pop()!;
      for (const part of parts) if (part) onEvent(JSON.parse(part) as PulumiEvent);
    }
  };
  const loop = (async () => {
    while (!ended) {
      await drain();
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
    await drain();
    await (await handle).close();
  })();
  return {
    stop: async () => {
      ended = true;
      await loop;
    },
  };
}
