import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";

import { EXIT, StageFailure } from "./failure";
import { stopIfInterrupted } from "./interrupt";
import { LineSplitter } from "./lines";

/** A program and its arguments; no shell reads them. */
export type Command = readonly [program: string, ...args: string[]];

export interface ProcessOptions {
  /** What the program reads on stdin; without it stdin is at its end at once. */
  readonly input?: string | Uint8Array | Readable;
  /** Its working folder; this process's own where none is given. */
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** `C`, the default, keeps messages from being translated, since they are read here; `user` leaves the user's language. */
  readonly locale?: "C" | "user";
  /** A session of its own has no terminal to ask on, and Ctrl-C does not reach it. */
  readonly ownSession?: boolean;
  /** Receives each line of both streams while the program runs. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Receives stdout piece by piece; it is not kept then. */
  readonly onOutput?: (chunk: Uint8Array) => void;
  /** An open file that receives both streams instead; the program can go on writing there when this process has ended. */
  readonly outputTo?: number;
  /** Ends the program with SIGTERM. */
  readonly signal?: AbortSignal;
}

/** How a program ended, and what it printed. */
export interface Ended {
  /** Undefined where a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** All of it. */
  readonly stdout: string;
  /** The last 64 KiB. */
  readonly stderr: string;
}

/** Bytes of stdout that are kept. Half of an answer must not pass for the whole: a program that prints more is ended. */
const LONGEST_OUTPUT = 64 * 2 ** 20;
const STDERR_TAIL = 64 * 2 ** 10;

/** What programs are needed for, and the Debian and Ubuntu packages that have them. */
const PROGRAMS: Readonly<Record<string, { readonly use: string; readonly package: string }>> = {
  curl: { use: "reads the lists of digests of a disk", package: "curl" },
  gpg: { use: "signs releases and verifies signatures", package: "gnupg" },
  lsblk: { use: "describes disks", package: "util-linux" },
  "ssh-keygen": { use: "signs releases and verifies their signatures", package: "openssh-client" },
  virsh: { use: "talks to libvirt", package: "libvirt-clients" },
};

/** A program that this machine lacks (exit code 3). */
export class ProgramMissing extends StageFailure {
  constructor(program: string) {
    const known = PROGRAMS[program];
    super(`${program}${known ? `, which ${known.use},` : ""} is not installed`, {
      hint: `install it${known ? ` (Debian and Ubuntu: the package "${known.package}")` : ""}`,
      exitCode: EXIT.lacking,
    });
  }
}

/** A program that ended with another exit code than 0; the message is what it said on stderr. */
export class ProgramFailed extends Error {
  constructor(program: string, ended: Ended) {
    super(ended.stderr.trim() || `${program} ended by ${endOf(ended)}`);
  }
}

/** In words: "exit code 2", "SIGKILL". */
export const endOf = ({ exitCode, signal }: Ended): string => signal ?? `exit code ${exitCode}`;

/** What a program said last, which is most often why it failed. */
export const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/**
 * Runs a program until it ends, whatever its exit code.
 *
 * @throws ProgramMissing where it is not on PATH
 * @throws StageFailure where the signal was aborted before
 * @throws Error where it cannot be started, or prints more than 64 MiB on a stdout that is kept
 */
export async function runProgram(command: Command, options: ProcessOptions = {}): Promise<Ended> {
  const [program, ...args] = command;
  const { input, cwd, locale = "C", onLine, onOutput, outputTo = "pipe", signal } = options;
  stopIfInterrupted(signal);
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...(locale === "C" && { LC_ALL: "C" }), ...options.env },
    detached: options.ownSession ?? false,
    stdio: [input === undefined ? "ignore" : "pipe", outputTo, outputTo],
  });
  const terminate = () => void child.kill();
  signal?.addEventListener("abort", terminate);

  const kept: Uint8Array[] = [];
  let bytes = 0;
  let stderr = Buffer.alloc(0);
  const splitter = (stream: "stdout" | "stderr") =>
    onLine && new LineSplitter((line) => onLine(line, stream));
  const lines = { stdout: splitter("stdout"), stderr: splitter("stderr") };
  child.stdout?.on("data", (chunk: Buffer) => {
    lines.stdout?.write(chunk);
    if (onOutput) return onOutput(chunk);
    bytes += chunk.length;
    if (bytes > LONGEST_OUTPUT) terminate();
    else kept.push(chunk);
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    lines.stderr?.write(chunk);
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_TAIL);
  });
  // a program that does not read to the end says by its exit code whether that was wrong
  child.stdin?.on("error", () => undefined);
  if (input !== undefined && child.stdin) {
    if (typeof input === "string" || input instanceof Uint8Array) child.stdin.end(input);
    else input.pipe(child.stdin);
  }
  try {
    const [code, endedBy] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    lines.stdout?.end();
    lines.stderr?.end();
    if (bytes > LONGEST_OUTPUT) throw new Error(`${program} printed more than 64 MiB`);
    return {
      exitCode: code ?? undefined,
      signal: endedBy ?? undefined,
      stdout: Buffer.concat(kept).toString(),
      stderr: stderr.toString(),
    };
  } catch (error) {
    // a missing working folder has the same code
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT" && (!cwd || existsSync(cwd));
    throw missing ? new ProgramMissing(program) : error;
  } finally {
    signal?.removeEventListener("abort", terminate);
  }
}

/**
 * Runs a program that has to succeed.
 *
 * @returns what it printed on stdout
 * @throws ProgramFailed in the program's words where it fails; else as `runProgram`, also where the signal ends it
 */
export async function outputOf(command: Command, options: ProcessOptions = {}): Promise<string> {
  const ended = await runProgram(command, options);
  if (ended.exitCode === 0) return ended.stdout;
  stopIfInterrupted(options.signal);
  throw new ProgramFailed(command[0], ended);
}
