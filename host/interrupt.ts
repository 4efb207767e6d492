import { StageFailure } from "./failure";

/** Why a run was interrupted: the reason of the signal where it has a message for the user (a time limit), else by somebody. */
export function interruption({ reason }: AbortSignal): StageFailure {
  if (reason instanceof StageFailure) return reason;
  return new StageFailure("it was interrupted", {
    hint: "run the same command again; finished stages are kept",
  });
}

/** To be called before a piece of work begins. @throws StageFailure where the run was interrupted */
export function stopIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal);
}
