import { availableParallelism } from "node:os";

import type { ImageSpec } from "../../plan/imageSpec";
import { readMemory } from "./facts";
import { memoryRequirement, processorsRequirement, type Requirement } from "./requirements";

/** What a guest is to have and this machine cannot give; told before a build, by which everything else would still be planned. */
export function machineShortfalls(
  { memoryMiB, cpus }: Pick<ImageSpec, "memoryMiB" | "cpus">,
  memory = readMemory(),
  processors = availableParallelism(),
): Requirement[] {
  const ofMemory = memoryRequirement(memory, memoryMiB);
  const ofProcessors = processorsRequirement(cpus, processors);
  return [
    // memory that is only in use at the moment is no shortfall
    ...(ofMemory.status === "missing" ? [ofMemory] : []),
    ...(ofProcessors.status === "ok" ? [] : [ofProcessors]),
  ];
}
