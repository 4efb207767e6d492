import { statSync } from "node:fs";

import type { StackOutputs } from "../plan/outputs";
import { formatSeconds, formatSize } from "../plan/units";
import { likelyAccelerator } from "../executors/accelerator";
import { deadlineFor } from "../executors/deadline";
import { EXIT, StageFailure } from "../host/failure";
import { isSameFile } from "../host/files";
import { interruptible } from "../host/interrupt";
import { print, say, tell } from "../host/output";
import { displayPath } from "../host/project";
import { writeStackRecord } from "../store/stackRecord";
import { Keeper } from "./boot/keptGuest";
import { Terminal } from "./boot/terminal";
import { describeFailure } from "./failure";
import type { CommonOptions } from "./options";
import { openSession, type Session } from "./session";
import { makeView } from "./view";

export interface UpOptions extends CommonOptions {
  /** Leave the guest of a failed build up until somebody has looked into it. */
  readonly keep?: boolean;
}

/** `kragle up`: runs the stack's program and shows what happens. */
export async function up(options: UpOptions): Promise<number> {
  const started = performance.now();
  if (options.keep && !Terminal.isThere) {
    throw new StageFailure("--keep waits for somebody at a terminal, and this is none", {
      hint: "leave it out, or run it on one",
      exitCode: EXIT.wrongSettings,
    });
  }
  const session = await openSession(options);
  if (session.switched && !options.json) say(`${session.switched}\n`);
  return interruptible((stop) => run(session, options, started, stop));
}

async function run(
  session: Session,
  options: UpOptions,
  started: number,
  stop: AbortController,
): Promise<number> {
  const { rows } = session;
  const isUntouched = watchFile(session.last?.outputs.imagePath);
  const clock = await startClock(session, stop);
  // a live list would draw over the shell in a guest that is kept
  const view = makeView(rows, options.json === true || options.keep === true, tell);
  const keeper = options.keep
    ? new Keeper(session.site, async () => {
        clearTimeout(clock);
        await view.close();
      })
    : undefined;
  try {
    const outputs = await session.run(false, (event) => view.take(event), stop.signal);
    await view.close();
    if (!outputs) throw new Error("the program gave no outputs");
    const finishedAt = new Date().toISOString();
    await writeStackRecord(session.site.home, session.owner, {
      engine: session.engine,
      outputs,
      finishedAt,
      seconds: { ...session.last?.seconds, ...view.seconds },
    });
    const seconds = (performance.now() - started) / 1000;
    if (options.json) {
      const steps = Object.fromEntries(view.finished);
      const { engine } = session;
      print(JSON.stringify({ stack: options.stack, engine, seconds, steps, outputs }) + "\n");
    } else {
      const notes = rows.flatMap((row) => row.notes ?? []);
      say(summary(options.stack, outputs, seconds, view.worked, notes) + "\n");
    }
    return EXIT.done;
  } catch (error) {
    await view.close();
    // where the time limit ended the run, the stage itself only knows that it was interrupted; the signal has the reason
    const { reason } = stop.signal as { reason: unknown };
    const cause = reason instanceof StageFailure ? reason : (error as Error);
    const { message, exitCode } = describeFailure(cause);
    tell(`\n${message}\n`);
    const untouched = isUntouched();
    if (untouched !== undefined) {
      const image = displayPath(String(session.last?.outputs.imagePath));
      tell(
        untouched
          ? `The released image is untouched: ${image}\n`
          : `${image} was replaced by this run; the outputs follow when all of it is done\n`,
      );
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
  const accelerator = await likelyAccelerator(site, spec.accelerator);
  const seconds = deadlineFor(accelerator, spec.timeouts.whole);
  const failure = new StageFailure(`the run did not finish within ${formatSeconds(seconds)}`, {
    hint: 'run the same command again, finished stages are kept; a longer time can be set with the setting "timeouts", "whole"',
  });
  // a timer takes at most 2^31 - 1 ms, 24 days
  return setTimeout(() => stop.abort(failure), Math.min(seconds * 1000, 2 ** 31 - 1));
}

const passedTests = ({ length }: readonly string[]) =>
  length === 1 ? "your test passed" : `your ${length} tests passed`;

function summary(
  stack: string,
  raw: Readonly<Record<string, unknown>>,
  seconds: number,
  worked: boolean,
  notes: readonly string[],
): string {
  // what the program returned, which has this type; an engine hands it on as plain data
  const outputs = raw as unknown as StackOutputs;
  const image = displayPath(outputs.imagePath);
  const byTime = Object.entries(outputs.smoke.seconds).sort(([, a], [, b]) => a - b);
  const rungs = byTime.map(([rung, s]) => `${rung} ${s.toFixed(0)} s`);
  const lines = [
    "",
    worked
      ? `Done in ${formatSeconds(seconds)}.`
      : `Nothing to do: everything is in the store (${seconds.toFixed(1)} s).`,
    "",
    `  image    ${image}`,
    `  size     ${formatSize(outputs.imageBytes)} file, ${formatSize(outputs.imageVirtualBytes)} disk`,
    `  sha256   ${outputs.imageSha256}`,
    `  version  ${outputs.imageId} ${outputs.imageVersion} (build ${outputs.buildId})`,
    ...notes.map((note) => `           ${note}`),
    ...Object.entries(outputs.conversions).map(
      ([name, file]) => `  ${name.padEnd(8)} ${displayPath(file.path)}`,
    ),
    rungs.length
      ? `  booted   ${rungs.join(", ")} (${outputs.accelerator})`
      : "  booted   not proven by a boot (smoke: none)",
    ...(outputs.smoke.tests ? [`  tests    ${passedTests(outputs.smoke.tests)}`] : []),
    `  report   ${displayPath(outputs.reportPath)}`,
    "",
    "Next:",
    `  ./kragle outputs -s ${stack} --json     the same for other programs`,
    `  ./kragle verify -s ${stack}             check the released files`,
    `  ./kragle write -s ${stack} /dev/sdX     write it to a disk, and read it back`,
  ];
  return lines.join("\n");
}
