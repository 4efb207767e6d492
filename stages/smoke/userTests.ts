import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { deadlineFor } from "../../executors/deadline";
import type { Accelerator } from "../../executors/executor";
import { printableLines } from "../../host/printable";
import { inProject, programsFolder } from "../../host/project";
import { formatSeconds } from "../../plan/units";
import { PROGRAMS } from "../../plan/programs";
import type { PassedTest } from "../../plan/stages/smoke";
import { readPlanned } from "../../store/bundles";
import type { SmokeContext } from "./driver";
import { type Channel, type Executed, LONGEST_INPUT } from "./guest";

/** Bytes of what a test prints that are kept: the first half of them, and the last. */
const LONGEST_OUTPUT = 64 * 2 ** 10;
/** A timer takes no more, 24 days; one that is longer would be over at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Lines of it that an error repeats. */
const LINES_SHOWN = 10;
/** What it takes to bring a test into the guest, and its output back, with hardware acceleration. */
const TRANSFER_SECONDS = 20;

/** Tests of the user's did not pass in a system that runs. */
export class TestsFailed extends Error {}

interface Test {
  /** For people: "test 2, scripts/web.sh". */
  readonly title: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly content: Buffer;
  readonly timeoutSeconds: number;
  /** Name of the file with its output. */
  readonly log: string;
}

/** Within which all of the user's tests end, one way or another. */
export const testSeconds = (
  { tests = {} }: Pick<SmokeContext["request"], "tests">,
  accelerator: Accelerator,
): number =>
  Object.values(tests)
    .map(({ timeoutSeconds }) => deadlineFor(accelerator, timeoutSeconds + TRANSFER_SECONDS))
    .reduce((sum, seconds) => sum + seconds, 0);

/** The user's own tests, run one after the other in a guest that is up; where one fails, the others are run all the same. */
export class UserTests {
  /** Which of them runs, for people. */
  running: string | undefined;
  private readonly tests: readonly Test[];
  private readonly hand: string;

  /** @throws StageFailure where a test is not what it was when the run was planned */
  constructor(
    { inputs, request }: Pick<SmokeContext, "inputs" | "request">,
    accelerator: Accelerator,
    private readonly context: Pick<SmokeContext, "logs" | "detail">,
  ) {
    this.seconds = testSeconds(request, accelerator);
    const names = Object.entries(inputs.tests ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    this.tests = names.map(([name, digest], index) => {
      const { script, timeoutSeconds } = request.tests![name]!;
      return {
        ...{ title: `test ${index + 1}, ${script}`, script, log: `test-${index + 1}.log` },
        args: inputs.testArguments?.[name] ?? [],
        content: readPlanned({ source: inProject(script), digest }).bytes,
        timeoutSeconds: deadlineFor(accelerator, timeoutSeconds),
      };
    });
    const [program] = PROGRAMS.tests;
    this.hand = this.tests.length > 0 ? this.readHand(program!, inputs.programs[program!]) : "";
  }

  private readHand(program: string, digest: string | undefined): string {
    const source = join(programsFolder, program);
    return readPlanned({ source, ...(digest === undefined ? {} : { digest }) }).bytes.toString();
  }

  get count(): number {
    return this.tests.length;
  }

  /** See {@link testSeconds}. */
  readonly seconds: number;

  /** @throws TestsFailed with the name of each test that failed, and the last lines of its output */
  async run(channel: Channel, signal: AbortSignal): Promise<PassedTest[]> {
    const { detail, logs } = this.context;
    const hand = (verb: string, args: readonly string[], limit = signal, input?: Buffer) =>
      channel.execute(["sh", "-c", this.hand, "sh", verb, ...args], limit, input);
    const folder = await answerOf(hand("folder", []));
    const passed: PassedTest[] = [];
    const failed: string[] = [];
    for (const test of this.tests) {
      const { title, script, args, log } = test;
      this.running = title;
      const began = performance.now();
      const file = `${folder}/${test.log.replace(".log", "")}-${basename(script)}`;
      const end = await runOne(test, file, hand, signal);
      const seconds = Math.round((performance.now() - began) / 100) / 10;
      const output = (await hand("output", [file, String(LONGEST_OUTPUT)])).stdout;
      await writeFile(join(logs, log), printableLines(output));
      this.running = undefined;
      detail(`${title}: ${end ?? "passed"} after ${formatSeconds(seconds)}`);
      if (end === undefined) passed.push({ script, args: [...args], seconds, log });
      else failed.push(`${title}: ${end} after ${formatSeconds(seconds)}${lastLines(output, log)}`);
    }
    if (failed.length === 0) return passed;
    const share = `${failed.length} of ${this.tests.length}`;
    throw new TestsFailed([`${share} of the user's tests did not pass`, ...failed].join("\n"));
  }
}

type Hand = (
  verb: string,
  args: readonly string[],
  limit?: AbortSignal,
  input?: Buffer,
) => Promise<Executed>;

/** @returns how it failed; undefined where it passed */
async function runOne(
  { content, args, timeoutSeconds }: Test,
  file: string,
  hand: Hand,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (let at = 0; at < content.length; at += LONGEST_INPUT) {
    await answerOf(hand("add", [file], signal, content.subarray(at, at + LONGEST_INPUT)));
  }
  const time = AbortSignal.timeout(Math.min(timeoutSeconds * 1000, LONGEST_TIMER_MS));
  try {
    const { exitCode } = await hand("run", [file, ...args], AbortSignal.any([signal, time]));
    return exitCode === 0 ? undefined : `failed with exit code ${exitCode}`;
  } catch (error) {
    if (!time.aborted || signal.aborted) throw error;
    await hand("stop", [file]);
    return "did not end in time and was killed";
  }
}

/** @throws Error in the guest's words */
async function answerOf(asked: Promise<Executed>): Promise<string> {
  const { exitCode, stdout, stderr } = await asked;
  if (exitCode === 0) return stdout.trim();
  throw new Error(`the user's tests could not be run: ${stderr.trim() || `exit code ${exitCode}`}`);
}

function lastLines(output: string, log: string): string {
  const lines = output.split("\n").filter((line) => line.trim());
  if (lines.length === 0) return "; it printed nothing";
  const shown = lines.slice(-LINES_SHOWN).map((line) => `\n    ${line.slice(0, 500)}`);
  return `; ${lines.length > LINES_SHOWN ? "the last lines of logs/" + log : "it printed"}:${shown.join("")}`;
}
