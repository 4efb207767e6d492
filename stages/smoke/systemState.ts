import { setTimeout as sleep } from "node:timers/promises";

import type { Channel } from "./guest";

const POLL_MS = 1000;
const UNITS_SHOWN = 5;
const UNITS_LISTED = 50;
const JOURNAL_LINES = 6;
/** Characters of an answer that are passed on. */
const WORDS = 500;

/**
 * Waits for the end of the start-up.
 *
 * @throws Error with systemd's word for the state, the units that failed and the end of their journals, unless the state is "running"
 */
export async function waitForSystem(channel: Channel, signal: AbortSignal): Promise<void> {
  const state = await finalState(channel, signal);
  if (state === "running") return;
  const units = await describeFailedUnits(channel, signal);
  throw new Error(`the guest's system is ${state}\n${units}`);
}

/**
 * Waits for the end of the start-up, and gives systemd's word for the state.
 *
 * `is-system-running --wait` answers when the start-up is over: since systemd 240. Older ones know the verb (since 215) but do
 * not wait, or refuse the option. Still older ones, such as RHEL 7.1's 208, have no word for the state: the queue of jobs is empty
 * when the start-up is over.
 */
export async function finalState(channel: Channel, signal: AbortSignal): Promise<string> {
  let options = ["--wait"];
  for (;;) {
    const answer = await channel.execute(["systemctl", "is-system-running", ...options], signal);
    const state = answer.stdout.trim().slice(0, WORDS);
    const words = answer.stderr.trim().slice(0, WORDS);
    if (/^(initializing|starting)$/.test(state)) await sleep(POLL_MS, undefined, { signal });
    else if (state) return state;
    else if (/unknown operation/i.test(words)) return stateByJobs(channel, signal);
    else if (options.length > 0 && /unrecognized option/.test(words)) options = [];
    else return words || `unknown: systemctl ended with exit code ${answer.exitCode}`;
  }
}

async function stateByJobs(channel: Channel, signal: AbortSignal): Promise<string> {
  for (;;) {
    const jobs = await channel.execute(["systemctl", "list-jobs", "--no-legend"], signal);
    if (jobs.exitCode !== 0) return `unknown: ${jobs.stderr.trim().slice(0, WORDS)}`;
    // "No jobs running." where there is none
    if (!/^\s*\d+\s+\S+\.\S+\s/m.test(jobs.stdout)) break;
    await sleep(POLL_MS, undefined, { signal });
  }
  return (await failedUnits(channel, signal)).length > 0 ? "degraded" : "running";
}

async function failedUnits(channel: Channel, signal: AbortSignal): Promise<string[]> {
  const list = await channel.execute(
    ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--full"],
    signal,
  );
  if (list.exitCode !== 0)
    throw new Error(`systemctl --failed: ${list.stderr.trim().slice(0, WORDS)}`);
  // some versions put a dot before the name in spite of --plain
  return list.stdout.split("\n").flatMap((line) => /^[●*×\s]*(\S+\.\S+)/.exec(line)?.[1] ?? []);
}

async function describeFailedUnits(channel: Channel, signal: AbortSignal): Promise<string> {
  const units = await failedUnits(channel, signal);
  const lines = [`failed units: ${units.slice(0, UNITS_LISTED).join(", ") || "none"}`];
  for (const unit of units.slice(0, UNITS_SHOWN)) {
    const journal = await channel.execute(
      ["journalctl", "-b", "-u", unit, "-n", String(JOURNAL_LINES), "-o", "cat", "--no-pager"],
      signal,
    );
    lines.push(
      ...journal.stdout
        .trimEnd()
        .split("\n")
        .slice(0, JOURNAL_LINES)
        .map((line) => `  ${unit}: ${line.slice(0, WORDS)}`),
    );
  }
  return lines.join("\n");
}
