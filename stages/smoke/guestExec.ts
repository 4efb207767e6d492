import { setTimeout as sleep } from "node:timers/promises";

import type { Executed } from "./guest";

interface ExecStatus {
  readonly exited: boolean;
  readonly exitcode?: number;
  readonly signal?: number;
  readonly "out-data"?: string;
  readonly "err-data"?: string;
}

const POLL_MS = 250;

/**
 * Runs a program by the guest agent and waits for its end. See "QEMU Guest Agent Protocol" in QEMU's documentation.
 *
 * @param ask sends one command to the agent
 * @throws Error where the agent does not answer, refuses, or the signal is aborted
 */
export async function guestExec(
  ask: (command: string, args: Record<string, unknown>) => Promise<unknown>,
  [path, ...arg]: readonly string[],
  signal: AbortSignal,
): Promise<Executed> {
  const started = await ask("guest-exec", { path, arg, "capture-output": true });
  const { pid } = started as { pid: number };
  for (;;) {
    const status = (await ask("guest-exec-status", { pid })) as ExecStatus;
    if (status.exited) {
      return {
        exitCode: status.exitcode ?? 128 + (status.signal ?? 0),
        stdout: decode(status["out-data"]),
        stderr: decode(status["err-data"]),
      };
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

const decode = (base64 = "") => Buffer.from(base64, "base64").toString("utf8");
