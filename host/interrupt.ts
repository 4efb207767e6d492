import { StageFailure } from "./failure";

/** Why a run was interrupted: by a clock, which says so itself, or by somebody. */
export function interruption({ reason }: AbortSignal): StageFailure {
  if (reason instanceof StageFailure) return reason;
  return new StageFailure("it was interrupted", {
    hint: "run the same command again; finished stages are kept",
  });
}

/** @throws StageFailure where the run was interrupted; whatever is not begun yet shall not begin */
export function stopIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal);
}
