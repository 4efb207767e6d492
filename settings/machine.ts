import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";

import { readMemory } from "../host/memory";
import { mirrorObstacles } from "../host/packageMirror";
import { inProject } from "../host/project";
import { writeObstacle } from "../host/writable";
import type { ImageSpec } from "../plan/imageSpec";
import { formatSize } from "../plan/units";
import { keyIn, type Namespace } from "./namespace";
import type { SettingName } from "./schema";

/** What a container may use beyond its guest's memory, in bytes: QEMU itself, Packer, page cache of the disk. */
const MEMORY_OVERHEAD = 512 * 2 ** 20;

export const guestNeedBytes = (guestMiB: number) => guestMiB * 2 ** 20 + MEMORY_OVERHEAD;

/** How large this machine is. */
export const machineSize = () => ({
  memoryBytes: readMemory().total,
  processors: availableParallelism(),
});

/** What there is of this machine to compare settings with; it takes a while to find out. */
export const thisMachine = () => ({
  ...machineSize(),
  now: new Date(),
  mirrorObstacles: mirrorObstacles(),
});

/**
 * What the settings ask of this machine that it has not got, a line each. Told before a build, by which everything else would still be
 * planned; `doctor` tells more.
 *
 * @param namespace of the settings
 */
export function machineWarnings(
  spec: ImageSpec,
  namespace: Namespace,
  machine = thisMachine(),
): string[] {
  const { processors, memoryBytes, now } = machine;
  const need = guestNeedBytes(spec.memoryMiB);
  const today = now.toISOString().slice(0, 10);
  const found: string[] = [];
  const tell = (setting: SettingName, text: string) =>
    found.push(`${keyIn(namespace)(setting)}: ${text}`);
  // memory that is only in use at the moment is no shortfall
  if (memoryBytes < need) {
    const [has, needs] = [formatSize(memoryBytes), formatSize(need)];
    tell("memory", `this machine has ${has}, and the guest with its emulator needs ${needs}`);
  }
  if (processors < spec.cpus) {
    const more = `a guest with more is slower, not faster`;
    tell("cpus", `this machine has ${processors}, and ${spec.cpus} are asked for; ${more}`);
  }
  if (spec.snapshot !== null && spec.snapshot > today) {
    const why = `is still to come by this machine's clock (${today}); no mirror has that day`;
    tell("snapshot", `${spec.snapshot} ${why}`);
  }
  for (const { destination } of spec.publish) {
    if (!("folder" in destination)) continue;
    const { folder } = destination;
    const isNew = !existsSync(inProject(folder)) && !writeObstacle(inProject(folder));
    if (isNew) tell("publish", `${folder} is not there; it is made`);
  }
  return [...found, ...machine.mirrorObstacles.map((text) => `package mirror: ${text}`)];
}
