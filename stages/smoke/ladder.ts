import type { GuestEvent } from "./guest";
import { FATAL_SIGNS } from "../../run/signs";
import { freezeOf, hear } from "../../run/stall";

/** A step of the boot. Some are read from the console; the others are reached when somebody asks the guest. */
export interface Rung {
  readonly name: string;
  /** What is waited for: fits "wait for the …" and "there was no …". */
  readonly title: string;
  /** Matches the console's line, finished or not, that shows the rung. */
  readonly pattern?: RegExp;
  /** The rung after which this one has to follow within a third of the whole deadline. */
  readonly soonAfter?: string;
  /** Seconds that it may take beside the deadline of the whole way, from when all that is asked before it is reached. */
  readonly ownSeconds?: number;
}

export interface Ladder {
  readonly rungs: readonly Rung[];
  /** For the whole way, power-off included; what rungs have of their own comes on top. */
  readonly deadlineSeconds: number;
  /** A guest whose console shows for so long, between the kernel's first line and the login prompt, nothing that goes on is frozen. */
  readonly freezeSeconds?: number;
}

export type Observation =
  | GuestEvent
  | { readonly kind: "reached"; readonly rung: string }
  /** Somebody tried to reach a rung in vain; the words say how far it came. */
  | { readonly kind: "tried"; readonly rung: string; readonly words: string }
  | { readonly kind: "asked to power off" }
  /** Nothing happened; only the deadlines are looked at. */
  | { readonly kind: "time" };

export interface Progress {
  /** Seconds from switching on to each rung. */
  readonly seconds: Readonly<Record<string, number>>;
  /** What became of the last try, by rung. */
  readonly tries: Readonly<Record<string, string>>;
  /** When the guest was asked to power off. */
  readonly askedAt?: number;
  /** When the guest was off, as asked. */
  readonly offAt?: number;
  /** Why the boot failed; the first reason counts. */
  readonly failure?: string;
  /** When the console last showed that the guest goes on. */
  readonly wentOnAt?: number;
  /** What the kernel has reported since then. */
  readonly stall?: string;
  readonly frozen?: boolean;
  /** What systemd said about units that it could not start. */
  readonly complaints: readonly string[];
  /** The console's last lines without escape sequences; the very last is not finished. */
  readonly console: readonly string[];
  /** Characters that the console has shown. */
  readonly heard: number;
}

const CONSOLE_LINES = 60;
/** Characters of a line of the console that are looked at, the last ones where it has no end yet. */
const LONGEST_LINE = 4096;
/** Characters of a whole boot's console; a verbose one has a hundredth of that. */
const LONGEST_CONSOLE = 64 * 2 ** 20;
const COMPLAINTS = 10;
const COMPLAINT = /^\[\s*(FAILED|DEPEND|TIME)\s*\]/;

export const atTheFoot: Progress = {
  seconds: {},
  tries: {},
  complaints: [],
  console: [""],
  heard: 0,
};

/** How an observation, so many seconds after switching on, changes the progress. */
export function observe(
  ladder: Ladder,
  progress: Progress,
  observation: Observation,
  at: number,
): Progress {
  if (progress.offAt !== undefined) return progress;
  const next = take(ladder, progress, observation, at);
  if (next.failure || next.offAt !== undefined) return next;
  const late = findLateness(ladder, next, at);
  if (late) return { ...next, failure: late };
  const still = at - (next.wentOnAt ?? next.seconds.kernel ?? at);
  const starting = "kernel" in next.seconds && !("login" in next.seconds);
  if (!starting || still <= (ladder.freezeSeconds ?? Infinity)) return next;
  return { ...next, failure: freezeOf(still, next.stall), frozen: true };
}

/** The rungs that are not reached yet. */
export function missing(ladder: Ladder, progress: Progress): Rung[] {
  return ladder.rungs.filter(({ name }) => progress.seconds[name] === undefined);
}

function take(ladder: Ladder, progress: Progress, observation: Observation, at: number): Progress {
  switch (observation.kind) {
    case "console":
      return readConsole(ladder, progress, observation.text, at);
    case "reached":
      return { ...progress, seconds: { ...progress.seconds, [observation.rung]: at } };
    case "tried":
      return { ...progress, tries: { ...progress.tries, [observation.rung]: observation.words } };
    case "asked to power off":
      return { ...progress, askedAt: at };
    case "stopped":
      if (progress.askedAt !== undefined && observation.reason === "guest-shutdown") {
        return { ...progress, offAt: at };
      }
      return fail(progress, explainStop(observation.reason));
    case "time":
      return progress;
  }
}

function readConsole(ladder: Ladder, progress: Progress, text: string, at: number): Progress {
  const unfinished = progress.console.at(-1)!;
  const heard = progress.heard + text.length;
  const lines = (unfinished + text).split(/\r*\n/).map(withoutEscapes).map(bounded);
  const seconds = { ...progress.seconds };
  let failure: string | undefined;
  for (const line of lines) {
    for (const rung of missing(ladder, { ...progress, seconds })) {
      if (rung.pattern?.test(line)) seconds[rung.name] = at;
    }
    const sign = FATAL_SIGNS.find(({ pattern }) => pattern.test(line));
    if (sign) failure ??= `${sign.meaning}: "${line.trim()}"`;
  }
  const console = [...progress.console.slice(0, -1), ...lines].slice(-CONSOLE_LINES);
  const failedUnits = lines.slice(0, -1).filter((line) => COMPLAINT.test(line));
  const complaints = [...progress.complaints, ...failedUnits].slice(0, COMPLAINTS);
  const { goesOn, stall } = hear(lines, progress.stall);
  const wentOnAt = goesOn ? at : progress.wentOnAt;
  const next = { ...progress, seconds, complaints, console, wentOnAt, stall, heard };
  if (heard > LONGEST_CONSOLE) failure ??= "the guest writes to its console without end";
  return failure ? fail(next, failure) : next;
}

const bounded = (line: string, index: number, { length }: readonly string[]) =>
  index === length - 1 ? line.slice(-LONGEST_LINE) : line.slice(0, LONGEST_LINE);

const fail = (progress: Progress, failure: string): Progress => ({
  ...progress,
  failure: progress.failure ?? failure,
});

/** Escape sequences go as a whole; the beginning of one at the end of a piece stays until the rest arrives. */
const ESCAPES =
  // systemd shortens names in the middle of a sequence, which leaves "…[0m"
  // oxlint-disable-next-line no-control-regex
  /(?<=…)\[0m|\x1b(?:\[[0-9;?]*(?:[@-~]|(?=[^0-9;?@-~]))|[()][0-9A-B]|[=>78cDEHM])|[\x00-\x08\x0b-\x1a\x7f]/g;

const withoutEscapes = (line: string) => line.replace(ESCAPES, "");

/** Reasons of QMP's SHUTDOWN event in words; others are words already. */
const STOPS: Readonly<Record<string, string>> = {
  "guest-reset": "the guest restarted before it was asked to",
  "guest-shutdown": "the guest switched itself off before it was asked to",
  "guest-panic": "the guest's kernel panicked",
  "host-signal": "QEMU was ended from outside",
};

const explainStop = (reason: string) => STOPS[reason] ?? reason;

/**
 * Besides the whole deadline: the first sign of life, a rung that should follow another one soon, the console when all else is
 * done, and the power-off have shares of it.
 */
function findLateness(ladder: Ladder, progress: Progress, at: number): string | undefined {
  const { deadlineSeconds, rungs } = ladder;
  const { seconds, askedAt, tries } = progress;
  const open = missing(ladder, progress);
  const no = (since: number, rung = open[0]) => {
    const where = rung?.pattern ? " on the serial console" : "";
    const tried = rung && tries[rung.name] ? `; the last try: ${tries[rung.name]}` : "";
    const after = since > 0 && rung?.soonAfter ? ` after the ${titleOf(ladder, rung)}` : "";
    return `there was no ${rung?.title ?? "power-off"}${where} within ${Math.round(at - since)} s${after}${tried}`;
  };
  if (at > deadlineSeconds + ownSeconds(rungs, open)) return no(0);
  if (askedAt !== undefined) return at - askedAt > deadlineSeconds / 3 ? no(askedAt) : undefined;
  const reached = Object.values(seconds);
  if (reached.length === 0) return at > deadlineSeconds / 6 ? no(0) : undefined;
  for (const rung of open) {
    const since = rung.soonAfter === undefined ? undefined : seconds[rung.soonAfter];
    if (since !== undefined && at - since > deadlineSeconds / 3) return no(since, rung);
  }
  const answered = rungs.some(({ pattern }) => !pattern) && open.every(({ pattern }) => pattern);
  if (answered && open.length > 0 && at - Math.max(...reached) > deadlineSeconds / 12) {
    return `the system runs, but ${no(0)}; does its kernel have console=ttyS0?`;
  }
  return undefined;
}

/** Of the rungs that were begun. */
function ownSeconds(rungs: readonly Rung[], open: readonly Rung[]): number {
  const next = open.find(({ pattern }) => !pattern);
  const begun = next ? rungs.slice(0, rungs.indexOf(next) + 1) : rungs;
  return begun.reduce((sum, rung) => sum + (rung.ownSeconds ?? 0), 0);
}

const titleOf = ({ rungs }: Ladder, { soonAfter }: Rung) =>
  rungs.find(({ name }) => name === soonAfter)?.title;
