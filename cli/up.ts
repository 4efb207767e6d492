import { statSync } from "node:fs";

import { StepFailed } from "../engine/events";
import { likelyAccelerator } from "../executors/accelerator";
import { deadlineFor } from "../executors/deadline";
import { EXIT, StageFailure } from "../host/failure";
import { isSameFile } from "../host/files";
import { interruptible } from "../host/interrupt";
import { print, say, tell } from "../host/output";
import { displayPath } from "../host/project";
import { formatSeconds } from "../plan/units";
import { imagesIn } from "../preview/planRow";
import { releasesOf } from "../store/stackRecord";
import { Keeper } from "./boot/keptGuest";
import { Terminal } from "./boot/terminal";
import { describeFailure } from "./failure";
import { isDone, noteRun } from "./noteRun";
import type { CommonOptions } from "./options";
import { openSession, type Session } from "./session";
import { summary } from "./summary";
import { makeView } from "./view";

export interface UpOptions extends CommonOptions {
  /** Leave the guest of a failed build up until somebody has looked into it. */
  readonly keep?: boolean;
}

/** `kragle up [IMAGE...]`: runs the stack's program and shows what happens. */
export async function up(names: readonly string[], options: UpOptions): Promise<number> {
  const started = performance.now();
  if (options.keep && !Terminal.isThere) {
    throw new StageFailure("--keep waits for somebody at a terminal, and this is none", {
      hint: "leave it out, or run it on one",
      exitCode: EXIT.wrongSettings,
    });
  }
  const session = await openSession(options, names);
  if (session.switched && !options.json) say(`${session.switched}\n`);
  return interruptible((stop) => run(session, options, started, stop));
}

async function run(
  session: Session,
  options: UpOptions,
  started: number,
  stop: AbortController,
): Promise<number> {
  const { rows, parallel } = session;
  const before = [...releasesOf(session.last)].map(
    ([name, { imagePath }]) => [name, imagePath, watchFile(imagePath)] as const,
  );
  const clock = await startClock(session, stop);
  // a list that lives, and lines of what else is at work, would draw over the shell in a guest that is kept
  const keeper = options.keep ? new Keeper(session.site, () => clearTimeout(clock)) : undefined;
  const out = (text: string) => (keeper?.isLookedInto ? undefined : tell(text));
  const view = makeView(rows, options.json === true || options.keep === true, out, parallel);
  try {
    const outputs = await session.run(false, (event) => view.take(event), stop.signal);
    await view.close();
    if (!outputs) throw new Error("the program gave no outputs");
    await noteRun(session, outputs, view);
    const seconds = (performance.now() - started) / 1000;
    if (options.json) {
      const steps = Object.fromEntries(view.finished);
      const { engine } = session;
      print(JSON.stringify({ stack: options.stack, engine, seconds, steps, outputs }) + "\n");
    } else {
      const notes = rows.flatMap(({ image, notes: own = [] }) =>
        own.map((line) => (image === undefined ? line : `${image}: ${line}`)),
      );
      say(summary(options.stack, outputs, seconds, view.worked, notes).join("\n") + "\n");
    }
    return EXIT.done;
  } catch (error) {
    await view.close();
    // where the time limit ended the run, the stage itself only knows that it was interrupted; the signal has the reason
    const { reason } = stop.signal as { reason: unknown };
    const cause = reason instanceof StageFailure ? reason : (error as Error);
    const { message, exitCode } = describeFailure(cause);
    tell(`\n${message}\n`);
    const { outputs } = error instanceof StepFailed ? error : {};
    if (outputs) await noteRun(session, outputs, view);
    for (const [name, path, isUntouched] of before) {
      const untouched = isUntouched();
      const ofName = name === null ? "" : ` of ${name}`;
      if (untouched === undefined || (name !== null && isDone(view, name))) continue;
      const image = displayPath(String(path));
      tell(
        untouched
          ? `The released image${ofName} is untouched: ${image}\n`
          : `${image} was replaced by this run; the outputs follow when all of it is done\n`,
      );
    }
    for (const name of imagesIn(rows).filter((one) => isDone(view, one))) {
      tell(`${name} is released all the same: ./kragle outputs ${name} -s ${options.stack}\n`);
    }
    if (options.json) print(JSON.stringify({ error: message, exitCode }) + "\n");
    return exitCode;
  } finally {
    clearTimeout(clock);
    await keeper?.close();
  }
}

/**
 * Remembers a file as it is.
 *
 * @returns tells whether it still is that file; undefined where there was none
 */
function watchFile(path: unknown): () => boolean | undefined {
  const look = () =>
    typeof path === "string" ? statSync(path, { throwIfNoEntry: false }) : undefined;
  const before = look();
  return () => {
    if (!before) return undefined;
    const now = look();
    return now !== undefined && isSameFile(now, before) && now.mtimeMs === before.mtimeMs;
  };
}

/** Ends the run when the time limit of the setting `timeouts.whole` is over. */
async function startClock({ site, spec }: Session, stop: AbortController): Promise<NodeJS.Timeout> {
  const deadlines = spec.images.map(async ({ accelerator, timeouts }) =>
    deadlineFor(await likelyAccelerator(site, accelerator), timeouts.whole),
  );
  const seconds = Math.max(...(await Promise.all(deadlines)));
  const failure = new StageFailure(`the run did not finish within ${formatSeconds(seconds)}`, {
    hint: 'run the same command again, finished stages are kept; a longer time can be set with the setting "timeouts", "whole"',
  });
  // a timer takes at most 2^31 - 1 ms, 24 days
  return setTimeout(() => stop.abort(failure), Math.min(seconds * 1000, 2 ** 31 - 1));
}
