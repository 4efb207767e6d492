import { join } from "node:path";

import { type Accelerator, probeAccelerator } from "../executors/accelerator";
import { deadlineFor } from "../executors/deadline";
import type { AcceleratorSetting } from "../plan/imageSpec";
import type { StageContext } from "./stage";

/** The accelerator for a stage's guest, told as a phase, and how its timeouts scale. */
export async function chooseAccelerator({
  settings,
  store,
  phase,
  detail,
}: StageContext<{
  readonly accelerator: AcceleratorSetting;
  readonly toolsImage: string;
}>): Promise<{ accelerator: Accelerator; scale: (seconds: number) => number }> {
  phase("choose an accelerator");
  const { accelerator, reason } = await probeAccelerator({
    setting: settings.accelerator,
    toolsImage: settings.toolsImage,
    cacheFile: join(store.home, "accelerator.json"),
  });
  detail(`accelerator ${accelerator}: ${reason}`);
  return { accelerator, scale: (seconds) => deadlineFor(accelerator, seconds) };
}
