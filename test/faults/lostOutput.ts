import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { NO_DOCKER } from "../devProgram";
import { inBash } from "../inBash";
import { survived } from "./figures";

/** Where the output goes, as a line of bash around a command. */
const WAYS = {
  "stdout is closed": "K >&-",
  "stdout is a full disk": "K >/dev/full",
  "reader is gone":
    '{ until [ -e "$GONE" ]; do sleep 0.02; done; K; } | { exec <&-; : >"$GONE"; }; exit ${PIPESTATUS[0]}',
  "reader takes one line": "K | head -1 >/dev/null; exit ${PIPESTATUS[0]}",
  "stderr is closed": "K 2>&-",
  "stderr is a full disk": "K 2>/dev/full",
  "stdin, stdout and stderr are closed": "K <&- >&- 2>&-",
};
type Way = keyof typeof WAYS;
export const ways = Object.keys(WAYS) as Way[];

interface Wanted {
  readonly codes: readonly number[];
  /** Whether what the command is there for has been done. */
  readonly done: boolean;
}

/** Nothing is begun of which nobody could be told. */
const REFUSED: Wanted = { codes: [3], done: false };

/** What becomes of work whose output only tells how it goes. */
const WORK: Record<Way, Wanted> = {
  "stdout is closed": REFUSED,
  "stdout is a full disk": { codes: [3], done: true },
  "reader is gone": { codes: [0], done: true },
  "reader takes one line": { codes: [0], done: true },
  "stderr is closed": { codes: [0], done: true },
  // a command that has nothing to tell there loses nothing
  "stderr is a full disk": { codes: [0, 3], done: true },
  "stdin, stdout and stderr are closed": REFUSED,
};

/** What becomes of an answer, and of work that was asked for one. */
const ANSWER: Record<Way, Wanted> = {
  ...WORK,
  "reader is gone": { codes: [3], done: true },
  // it may have had the whole answer before it went
  "reader takes one line": { codes: [0, 3], done: true },
};

/**
 * Runs a command whose output goes nowhere, and asserts what it comes to.
 *
 * @param options `answers`: whether somebody needs its output, which then is not only how its work goes
 * @returns whether its work must be done now
 */
export async function runUnheard(
  home: string,
  command: string,
  way: Way,
  options: { answers: boolean; args?: readonly string[]; folder?: string; docker?: boolean },
): Promise<boolean> {
  const { codes, done } = (options.answers ? ANSWER : WORK)[way];
  const folder = mkdtempSync(join(tmpdir(), "kragle-gone-"));
  const { args, docker } = options;
  try {
    const environment = { ...(docker ? {} : NO_DOCKER), GONE: join(folder, "gone") };
    const line = WAYS[way].replaceAll(/\bK\b/g, `kragle ${command}`);
    const surroundings = { ...options, environment, seconds: 600 };
    const { code, stderr } = await inBash(home, line, args, surroundings);
    assert.ok(codes.includes(code ?? -1), `${command}: ${code}\n${stderr}`);
    assert.doesNotMatch(stderr, /a bug here|\n +at |exited before/);
  } finally {
    rmSync(folder, { recursive: true });
  }
  survived({ fault: way, where: command.split(" ").slice(0, 1).join("") });
  return done;
}
