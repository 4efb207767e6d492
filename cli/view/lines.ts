/** What the lines of a stage tell a view besides their words. */

const PHASE = "» ";

/** The phase that a line opens; undefined where it opens none. */
export const phaseOf = (text: string): string | undefined =>
  text.startsWith(PHASE) ? text.slice(PHASE.length) : undefined;

/** The number of the user's step that a phase is, as builder/stages/common/packer_run.py names them; undefined for any other. */
export function stepOf(phase: string): number | undefined {
  const number = /^step (\d+) \(/.exec(phase)?.[1];
  return number === undefined ? undefined : Number(number);
}

const UNITS: Readonly<Record<string, number>> = { KiB: 1, MiB: 2 ** 10, GiB: 2 ** 20 };

/** How far a transfer is whose size is known, from 0 to 1: "412 MiB of 957 MiB, …"; undefined for any other line. */
export function shareOf(text: string): number | undefined {
  const found = /^([\d.]+) ([KMG]iB) of ([\d.]+) ([KMG]iB)(?:,|$)/.exec(text);
  if (!found) return undefined;
  const [, done, unit, total, of] = found;
  const share = (Number(done) * UNITS[unit!]!) / (Number(total) * UNITS[of!]!);
  return Number.isFinite(share) ? Math.min(1, share) : undefined;
}
