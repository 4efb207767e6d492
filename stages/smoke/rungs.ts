import { setTimeout as sleep } from "node:timers/promises";

import type { Guest } from "./guest";
import type { Rung } from "./ladder";

export interface AskedRung extends Rung {
  /** Fulfilled when the rung is reached; an Error says why it never will be. */
  ask(guest: Guest, signal: AbortSignal): Promise<void>;
}

export const isAsked = (rung: Rung): rung is AskedRung => "ask" in rung;

/** The ladder of a quick proof, for a system with systemd 240 or newer and a guest agent. The power-off follows it. */
export const QUICK_RUNGS: readonly (Rung | AskedRung)[] = [
  {
    name: "kernel",
    title: "kernel",
    // a kernel with "quiet" shows nothing before the login prompt
    pattern: /Linux version \d|^\[ *\d+\.\d{6}\]|^\S+ login: /,
  },
  {
    name: "login",
    title: "login prompt",
    pattern: /^(?!Last )\S+ login: /,
  },
  { name: "agent", title: "guest agent's answer", ask: waitForAgent },
  { name: "running", title: "end of the start-up", ask: waitForSystem },
];

async function waitForAgent(guest: Guest, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answered = await guest.ping().then(
      () => true,
      () => false,
    );
    if (answered) return;
    await sleep(500, undefined, { signal });
  }
}

/** `is-system-running --wait` returns when the start-up is over: "running", or "degraded" where a unit failed. */
async function waitForSystem(guest: Guest, signal: AbortSignal): Promise<void> {
  const { stdout, stderr } = await guest.execute(
    ["systemctl", "is-system-running", "--wait"],
    signal,
  );
  const state = stdout.trim() || stderr.trim();
  if (state === "running") return;
  throw new Error(`the guest's system is ${state}\n${await describeFailedUnits(guest, signal)}`);
}

const UNITS_SHOWN = 5;
const JOURNAL_LINES = 6;

async function describeFailedUnits(guest: Guest, signal: AbortSignal): Promise<string> {
  const list = await guest.execute(
    ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--full"],
    signal,
  );
  const units = list.stdout.split("\n").flatMap((line) => line.split(/\s+/)[0] || []);
  const lines = [`failed units: ${units.join(", ") || "none"}`];
  for (const unit of units.slice(0, UNITS_SHOWN)) {
    const journal = await guest.execute(
      ["journalctl", "-b", "-u", unit, "-n", String(JOURNAL_LINES), "-o", "cat", "--no-pager"],
      signal,
    );
    lines.push(
      ...journal.stdout
        .trimEnd()
        .split("\n")
        .map((line) => `  ${unit}: ${line}`),
    );
  }
  return lines.join("\n");
}
