import { EXIT, saysDiskIsFull, StageFailure } from "./failure";
import { type Command, type Ended, endOf, type ProcessOptions, runProgram } from "./process";

/**
 * Runs a program that judges.
 *
 * @throws Error with the code ENOSPC, or StageFailure, where its failure says nothing of what was to be judged
 */
export async function judge(
  command: Command,
  options?: ProcessOptions,
): Promise<Ended & { readonly exitCode: number }> {
  const ended = await runProgram(command, options);
  const { exitCode } = ended;
  if (exitCode !== 0 && saysDiskIsFull(ended.stderr)) {
    throw Object.assign(new Error(ended.stderr), { code: "ENOSPC" });
  }
  if (exitCode !== undefined) return { ...ended, exitCode };
  throw new StageFailure(`${command[0]} was ended by ${endOf(ended)}; nothing is known yet`, {
    hint: "see that there is memory, and room in TMPDIR, then run the same command again",
    exitCode: EXIT.lacking,
  });
}
