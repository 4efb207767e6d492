import { constants } from "node:os";

import { StageFailure } from "./failure";

const HINT = "run the same command again; finished stages are kept";

/** A signal that somebody sent: Ctrl-C, or what a supervisor ends processes by. The exit code is the one that shells give it. */
export const interruptedBy = (signal: "SIGINT" | "SIGTERM"): StageFailure =>
  new StageFailure("it was interrupted", { hint: HINT, exitCode: 128 + constants.signals[signal] });

/**
 * Does what Ctrl-C and SIGTERM stop in good order.
 *
 * @param work gets what the signal aborts, with the failure that has its exit code as the reason
 */
export async function interruptible<T>(work: (stop: AbortController) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (signal: "SIGINT" | "SIGTERM") => stop.abort(interruptedBy(signal));
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await work(stop);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** Why a run was interrupted: the reason of the signal where it has a message for the user (a time limit), else by somebody. */
export function interruption({ reason }: AbortSignal): StageFailure {
  if (reason instanceof StageFailure) return reason;
  return new StageFailure("it was interrupted", { hint: HINT });
}

/** To be called before a piece of work begins. @throws StageFailure where the run was interrupted */
export function stopIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal);
}
