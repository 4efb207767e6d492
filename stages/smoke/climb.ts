import { setTimeout as sleep } from "node:timers/promises";

import type { Findings } from "../../plan/stages/smoke";
import type { Guest } from "./guest";
import {
  atTheFoot,
  type Ladder,
  missing,
  observe,
  type Observation,
  type Progress,
} from "./ladder";
import { type AskedRung, type Asker, isAsked } from "./rungs";

export interface ClimbOptions {
  /** What is waited for now, such as "login prompt". */
  readonly onWait: (title: string) => void;
  /** File name for the picture of the screen when the system runs. */
  readonly screenshot: string;
  readonly failureScreenshot: string;
}

export interface Climbed {
  /** From switching on to each rung and to the power-off (`poweroff`). */
  readonly seconds: Readonly<Record<string, number>>;
  /** Units that did not start although the system runs, in systemd's words. */
  readonly complaints: readonly string[];
  /** What the rungs found out, such as the guest's identity. */
  readonly findings: Findings;
}

/** Why a boot failed, with what was on the console at the end. */
export class BootFailure extends Error {
  constructor(
    message: string,
    readonly progress: Progress,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Boots a guest and follows it up the ladder to a clean power-off.
 *
 * @throws BootFailure with the first reason; the guest is left as it is
 */
export async function climb(guest: Guest, ladder: Ladder, options: ClimbOptions): Promise<Climbed> {
  const over = new AbortController();
  let startedAt = performance.now();
  let progress = atTheFoot;
  let reportFailure: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (reportFailure = reject));
  failed.catch(() => undefined); // nobody may be waiting when it comes
  const tell = (observation: Observation) => {
    const before = missing(ladder, progress)[0];
    const at = Math.round((performance.now() - startedAt) / 100) / 10;
    progress = observe(ladder, progress, observation, at);
    const next = missing(ladder, progress)[0];
    if (next !== before) options.onWait(next?.title ?? "power-off");
    if (progress.failure) reportFailure(new Error(progress.failure));
  };
  const until = async (reached: () => boolean) => {
    while (!reached()) await Promise.race([sleep(100), failed]);
  };
  const findings: Findings = {};
  const reach = async (rung: AskedRung) => {
    const tried = (words: string) => tell({ kind: "tried", rung: rung.name, words });
    const found = await Promise.race([ask(rung, { guest, signal: over.signal, tried }), failed]);
    Object.assign(findings, found);
    tell({ kind: "reached", rung: rung.name });
  };
  const clock = setInterval(() => tell({ kind: "time" }), 500);
  try {
    options.onWait(ladder.rungs[0]!.title);
    await Promise.race([guest.start(tell), failed]);
    startedAt = performance.now();
    const asked = ladder.rungs.filter(isAsked);
    await Promise.all(asked.filter(({ opens }) => opens).map(reach));
    for (const rung of asked.filter(({ opens }) => !opens)) await reach(rung);
    await until(() => missing(ladder, progress).length === 0);
    await guest.screenshot(options.screenshot);
    tell({ kind: "asked to power off" });
    await guest.powerOff();
    await until(() => progress.offAt !== undefined);
    const seconds = ladder.rungs.map(({ name }) => [name, progress.seconds[name]!] as const);
    return {
      seconds: { ...Object.fromEntries(seconds), poweroff: progress.offAt! },
      complaints: progress.complaints,
      findings,
    };
  } catch (error) {
    over.abort();
    await sleep(LAST_WORDS_MS);
    await guest.screenshot(options.failureScreenshot).catch(() => undefined);
    throw new BootFailure(progress.failure ?? (error as Error).message, progress, { cause: error });
  } finally {
    clearInterval(clock);
  }
}

/** What follows a fatal line, such as a panic's call trace, is worth a moment. */
const LAST_WORDS_MS = 500;

async function ask(rung: AskedRung, asker: Asker): Promise<Findings | void> {
  try {
    return await rung.ask(asker);
  } catch (error) {
    if (!asker.signal.aborted) throw error;
    return undefined;
  }
}
