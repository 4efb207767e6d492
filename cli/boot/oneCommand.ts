import { constants } from "node:os";

import { EXIT, StageFailure } from "../../host/failure";
import { stopIfInterrupted } from "../../host/interrupt";
import { printableLines } from "../../host/printable";
import { tell } from "../../host/output";
import type { ContainerGuest } from "../../stages/smoke/containerGuest";
import { atTheFoot, type Ladder, observe } from "../../stages/smoke/ladder";
import { CHANNELS, KERNEL } from "../../stages/smoke/rungs";
import { finalState } from "../../stages/smoke/systemState";

const CONSOLE_LINES_SHOWN = 10;

/**
 * Waits until the guest has started, and runs one command line in it, by root's shell.
 *
 * @param deadlineSeconds for the start; the command may take as long as it likes
 * @returns the command's exit code; 128 and the signal's number where one ended it
 * @throws StageFailure where the guest does not start, with what is on its console
 */
export async function oneCommand(
  made: ContainerGuest,
  command: string,
  deadlineSeconds: number,
  signal: AbortSignal,
): Promise<number> {
  const { guest } = made;
  const ssh = made.ssh!;
  const ladder: Ladder = { rungs: [KERNEL, CHANNELS.ssh], deadlineSeconds };
  const over = new AbortController();
  const began = performance.now();
  let progress = atTheFoot;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined); // nobody may be waiting when it comes
  const hear = (observation: Parameters<typeof observe>[2]) => {
    progress = observe(ladder, progress, observation, (performance.now() - began) / 1000);
    if (progress.failure) reject(new Error(progress.failure));
  };
  const tried = (words: string) => hear({ kind: "tried", rung: "ssh", words });
  const clock = setInterval(() => hear({ kind: "time" }), 500);
  const interrupted = () => reject(new Error("it was interrupted"));
  signal.addEventListener("abort", interrupted, { once: true });
  try {
    await Promise.race([guest.start(hear), failed]);
    await Promise.race([CHANNELS.ssh.ask({ guest, signal: over.signal, tried }), failed]);
    const state = await Promise.race([finalState(ssh, over.signal), failed]);
    clearInterval(clock);
    if (state !== "running") tell(`the guest's system is ${state}\n`);
    return await Promise.race([run(), failed]);
  } catch (error) {
    stopIfInterrupted(signal);
    const last = progress.console.filter((line) => line.trim()).slice(-CONSOLE_LINES_SHOWN);
    const lines = last.map((line) => `  ${line.trim().slice(0, 200)}`);
    const text = [`the command was not run to its end: ${(error as Error).message}`];
    if (lines.length > 0) text.push("the console's last lines:", ...lines);
    throw new StageFailure(printableLines(text.join("\n")), {
      hint: "on a terminal, ./kragle boot --console shows the whole start, and gives the console",
    });
  } finally {
    clearInterval(clock);
    signal.removeEventListener("abort", interrupted);
    over.abort();
  }

  async function run(): Promise<number> {
    const session = await ssh.open(command);
    session.end();
    // as it is: it may be anything, and go anywhere
    session.pipe(process.stdout, { end: false });
    session.stderr.pipe(process.stderr, { end: false });
    const { promise, resolve, reject: lose } = Promise.withResolvers<number>();
    let exitCode: number | undefined;
    session.on("exit", (code: number | null, name?: string) => {
      const number = constants.signals[`SIG${name}` as NodeJS.Signals] ?? EXIT.failed;
      exitCode = code ?? 128 + number;
    });
    session.on("close", () =>
      exitCode === undefined ? lose(new Error("the connection ended")) : resolve(exitCode),
    );
    return promise;
  }
}
