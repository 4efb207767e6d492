import type { StackSpec } from "../plan/imageSpec";
import { guestNeedBytes, machineSize } from "../settings/machine";

/**
 * How many stages of a stack with several images run at a time on this machine: one for each processor, and as many as have the memory
 * that the largest guest needs. Those of a single image are few, and follow from each other.
 */
export function parallelStages({ images }: StackSpec, machine = machineSize()): number {
  if (images.length === 1) return Infinity;
  const largest = Math.max(...images.map(({ memoryMiB }) => guestNeedBytes(memoryMiB)));
  return Math.max(1, Math.min(machine.processors, Math.floor(machine.memoryBytes / largest)));
}
