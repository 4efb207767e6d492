/** One stage's time in a run. */
export interface Timed {
  readonly stage: string;
  /** Whether it will run. */
  readonly runs: boolean;
  readonly expectedSeconds?: number;
  /** Names of the stages that have to be done before it begins. */
  readonly after: readonly string[];
}

/**
 * How long a whole run will take, where each stage begins when those before it are done, and no more run at a time than may.
 *
 * @param parallel how many run at a time
 * @returns seconds; by what is known, so a lower bound where an estimate is lacking
 */
export function expectedTotal(stages: readonly Timed[], parallel = Infinity): number {
  const names = new Set(stages.map(({ stage }) => stage));
  const ends = new Map<string, number>();
  // when each of those that run at a time will have ended
  const running: number[] = [];
  const waiting = new Set(stages);
  const isReady = ({ after }: Timed) => after.every((name) => ends.has(name) || !names.has(name));
  const secondsOf = ({ runs, expectedSeconds = 0 }: Timed) => (runs ? expectedSeconds : 0);
  const startOf = (one: Timed) => {
    const free = running.length < parallel ? 0 : Math.min(...running);
    const before = one.after.map((name) => ends.get(name) ?? 0);
    return Math.max(secondsOf(one) > 0 ? free : 0, ...before);
  };
  for (;;) {
    const next = [...waiting]
      .filter(isReady)
      .map((one) => ({ one, start: startOf(one) }))
      .reduce<{ one: Timed; start: number } | undefined>(
        (first, each) => (first && first.start <= each.start ? first : each),
        undefined,
      );
    if (!next) return Math.max(0, ...ends.values());
    const { one, start } = next;
    waiting.delete(one);
    const end = start + secondsOf(one);
    ends.set(one.stage, end);
    if (end === start) continue;
    if (running.length >= parallel) running.splice(running.indexOf(Math.min(...running)), 1);
    running.push(end);
  }
}
