import { deadlineFor } from "../../executors/deadline";
import { requireDaemon } from "../../executors/daemon";
import { type Site, thisSite } from "../../executors/site";
import { EXIT, StageFailure } from "../../host/failure";
import { interruptible, stopIfInterrupted } from "../../host/interrupt";
import { tell } from "../../host/output";
import { displayPath } from "../../host/project";
import type { Firmware } from "../../plan/imageSpec";
import { readStack } from "../stackSettings";
import { findTools } from "../toolsImage";
import { chooseImage } from "./chooseImage";
import { oneCommand } from "./oneCommand";
import { Shell, type ShellEnd } from "./shell";
import { Terminal } from "./terminal";
import { type ThrowAway, type Wanted, withThrowAway } from "./throwAway";

export interface BootOptions {
  readonly stack: string;
  readonly firmware?: Firmware;
  /** Stay on the serial console. */
  readonly console?: boolean;
  /** Let the guest reach the outside. */
  readonly network?: boolean;
  /** The command line that is run in place of a shell. */
  readonly exec?: string;
}

/** `kragle boot [IMAGE]`: boots a throw-away overlay of an image as the proof does, and gives a shell in it. */
export async function boot(given: string | undefined, options: BootOptions): Promise<number> {
  const { stack, exec } = options;
  if (exec === undefined && !Terminal.isThere) {
    throw new StageFailure("a shell needs a terminal, and this is none", {
      hint: "./kragle boot --exec COMMAND runs one command without one",
      exitCode: EXIT.wrongSettings,
    });
  }
  const { spec } = readStack(stack);
  const image = await chooseImage(stack, given);
  const site = thisSite();
  await requireDaemon(site);
  const toolsImage = await findTools(site, stack, image.builtIn);
  const firmware = options.firmware ?? spec.template.smoke.firmware[0];
  const wanted: Wanted = {
    ...{ ...spec, image, firmware, toolsImage, setting: spec.accelerator },
    outside: options.network === true,
  };
  return interruptible(({ signal }) =>
    look(site, wanted, signal, (overlay) =>
      exec === undefined
        ? shellIn(overlay, options.console === true, signal)
        : overlay.boot((made) => {
            const deadline = deadlineFor(overlay.accelerator, spec.timeouts.smoke);
            return oneCommand(made, exec, deadline, signal);
          }),
    ),
  );
}

async function look(
  site: Site,
  wanted: Wanted,
  signal: AbortSignal,
  work: (overlay: ThrowAway) => Promise<number>,
): Promise<number> {
  const { image, firmware } = wanted;
  return withThrowAway(site, wanted, signal, (overlay) => {
    const how = `${firmware === "uefi" ? "UEFI" : "BIOS"}, ${overlay.accelerator}`;
    tell(`» boot ${displayPath(image.path)} (${how}); what changes is thrown away\n`);
    return work(overlay);
  });
}

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
