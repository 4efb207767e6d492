import { StageFailure } from "./failure";

/** @throws StageFailure where the run was interrupted; whatever is not begun yet shall not begin */
export function stopIfInterrupted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new StageFailure("it was interrupted", {
    hint: "run the same command again; finished stages are kept",
  });
}
