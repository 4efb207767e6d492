import { formatSeconds, formatSize } from "../plan/units";

/** Below this many seconds a rate says nothing about the rest. */
const FIRST_RATE_SECONDS = 1;

/** How far a transfer is: "412 MiB of 957 MiB, 310 MiB/s, 2 s left". */
export function describeProgress(done: number, total: number, seconds: number): string {
  const far = `${formatSize(done)} of ${formatSize(total)}`;
  if (seconds < FIRST_RATE_SECONDS || done === 0) return far;
  const rate = done / seconds;
  return `${far}, ${formatSize(rate)}/s, ${formatSeconds((total - done) / rate)} left`;
}
