import { join } from "node:path";
import { Worker } from "node:worker_threads";

/** Seconds; what a test wants shorter. */
export interface Patience {
  /** How long the event loop may stand still. */
  readonly still: number;
  /** How long this process may go on without the one that started it: for containers to be ended and logs to be kept. */
  readonly orphaned: number;
}

/**
 * Ends this process by SIGKILL where it cannot end itself: its event loop stands still, so that no signal, timeout or lost parent is
 * noticed, or it is still there long after its parent. What it holds goes with it: the kernel drops its locks, and containers see the
 * end of their lifeline.
 *
 * @param lastWords go to stderr where the event loop stood still
 */
export function startWatchdog(
  lastWords: string,
  patience: Patience = { still: 60, orphaned: 60 },
): void {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  new Worker(join(__dirname, "watchdogWorker.cjs"), {
    workerData: { beats, patience, lastWords, parent: process.ppid },
    // it needs nothing of this process, such as its loader
    execArgv: [],
    env: {},
  }).unref();
  setInterval(() => void Atomics.add(beats, 0, 1), 500).unref();
}
