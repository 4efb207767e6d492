import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import type { Executed } from "./guest";
import { answered } from "./jsonLines";

const started = z.object({ pid: z.int() });
const status = z.object({
  exited: z.boolean(),
  exitcode: z.int().optional(),
  signal: z.int().optional(),
  "out-data": z.string().optional(),
  "err-data": z.string().optional(),
});

/** How often its end is asked for: what is over at once is not waited for long. */
const POLL_MS = { first: 10, longest: 250 };

/**
 * Runs a program by the guest agent and waits for its end. See "QEMU Guest Agent Protocol" in QEMU's documentation.
 *
 * @param ask sends one command to the agent
 * @throws Error where the agent does not answer, refuses, answers something else, or the signal is aborted
 */
export async function guestExec(
  ask: (command: string, args: Record<string, unknown>) => Promise<unknown>,
  [path, ...arg]: readonly string[],
  signal: AbortSignal,
  input?: Buffer,
): Promise<Executed> {
  const answer = await ask("guest-exec", {
    ...{ path, arg, "capture-output": true },
    ...(input ? { "input-data": input.toString("base64") } : {}),
  });
  const { pid } = answered(started, "guest-exec", answer);
  for (let wait = POLL_MS.first; ; wait = Math.min(2 * wait, POLL_MS.longest)) {
    const now = answered(status, "guest-exec-status", await ask("guest-exec-status", { pid }));
    if (now.exited) {
      return {
        exitCode: now.exitcode ?? 128 + (now.signal ?? 0),
        stdout: decode(now["out-data"]),
        stderr: decode(now["err-data"]),
      };
    }
    await sleep(wait, undefined, { signal });
  }
}

const decode = (base64 = "") => Buffer.from(base64, "base64").toString("utf8");
