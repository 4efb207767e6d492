import { deadlineFor } from "../../executors/deadline";
import type { Site } from "../../executors/site";
import { EXIT, StageFailure } from "../../host/failure";
import { interruptible, stopIfInterrupted } from "../../host/interrupt";
import { tell } from "../../host/output";
import type { ImageSpec } from "../../plan/imageSpec";
import { oneCommand } from "./oneCommand";
import { Shell, type ShellEnd } from "./shell";
import { Terminal } from "./terminal";
import { type ThrowAway, type Wanted, withThrowAway } from "./throwAway";

/** What somebody wants to see. */
export interface Look {
  /** The command line that is run in place of a shell. */
  readonly exec?: string | undefined;
  /** Stay on the serial console. */
  readonly console?: boolean | undefined;
}

/** @throws StageFailure (exit code 2) where a shell is wanted, and nobody is at a terminal */
export function requireTerminal(verb: string, exec: string | undefined): void {
  if (exec !== undefined || Terminal.isThere) return;
  throw new StageFailure("a shell needs a terminal, and this is none", {
    hint: `./kragle ${verb} --exec COMMAND runs one command without one`,
    exitCode: EXIT.wrongSettings,
  });
}

/** Boots a throw-away overlay of a disk, and gives a shell in it or runs a command. @returns the exit code */
export const look = (
  site: Site,
  spec: ImageSpec,
  wanted: Wanted,
  { exec, console: consoleOnly = false }: Look,
): Promise<number> =>
  interruptible(({ signal }) =>
    withThrowAway(site, spec, wanted, signal, (overlay) => {
      const firmware = wanted.firmware === "uefi" ? "UEFI" : "BIOS";
      tell(
        `» boot ${wanted.disk.title} (${firmware}, ${overlay.accelerator}); what changes is thrown away\n`,
      );
      if (exec === undefined) return shellIn(overlay, consoleOnly, signal);
      const deadline = deadlineFor(overlay.accelerator, spec.timeouts.smoke);
      return overlay.boot((made) => oneCommand(made, exec, deadline, signal));
    }),
  );

async function shellIn(
  overlay: ThrowAway,
  consoleOnly: boolean,
  signal: AbortSignal,
): Promise<number> {
  const until = consoleOnly ? "" : " until root can log in by SSH, with a key of its seed";
  tell(`» this is its serial console${until}. Ctrl-] leaves\n`);
  let shell: Shell | undefined;
  const terminal = new Terminal(
    (keys) => shell?.type(keys),
    () => shell?.leave(),
  );
  let end: ShellEnd;
  try {
    do {
      const inIt = new Shell(terminal, consoleOnly);
      shell = inIt;
      end = await overlay.boot((made) => inIt.run(made, signal));
      if (end === "restarted") terminal.say("the guest restarts, on the same overlay");
    } while (end === "restarted");
  } finally {
    terminal.close();
  }
  stopIfInterrupted(signal);
  if (typeof end === "string" || end.stopped === "guest-shutdown") return EXIT.done;
  throw new StageFailure(`the machine ended by itself: ${end.stopped}`);
}
