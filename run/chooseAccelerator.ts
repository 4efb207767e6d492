import type { Accelerator, Executor } from "../executors/executor";
import { deadlineFor } from "../executors/deadline";
import type { AcceleratorSetting } from "../plan/imageSpec";

/** What the choice needs of a stage's context. */
interface Chooser {
  readonly request: { readonly accelerator: AcceleratorSetting; readonly toolsImage: string };
  readonly executor: Pick<Executor, "probe">;
  readonly phase: (name: string) => void;
  readonly detail: (line: string) => void;
}

/** The accelerator for a stage's guest, told as a phase, and how its timeouts scale. */
export async function chooseAccelerator({
  request,
  executor,
  phase,
  detail,
}: Chooser): Promise<{ accelerator: Accelerator; scale: (seconds: number) => number }> {
  phase("choose an accelerator");
  const { accelerator, reason } = await executor.probe({
    setting: request.accelerator,
    toolsImage: request.toolsImage,
  });
  detail(`accelerator ${accelerator}: ${reason}`);
  return { accelerator, scale: (seconds) => deadlineFor(accelerator, seconds) };
}
