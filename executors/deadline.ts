import type { Accelerator } from "./executor";

/** How much longer a guest may take under software emulation; boots took 5 to 20 times as long where it was measured. */
const TCG_FACTOR = 10;

/** A timeout of the settings (seconds, meant for hardware acceleration) as the deadline for an accelerator. */
export function deadlineFor(accelerator: Accelerator, seconds: number): number {
  return accelerator === "kvm" ? seconds : seconds * TCG_FACTOR;
}
