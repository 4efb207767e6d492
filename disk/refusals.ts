import { formatExactly } from "../plan/units";
import type { BlockDevice } from "./blockDevice";
import type { Usage } from "./usage";

/** Sectors in which the partition tables of the images count. */
const IMAGE_SECTOR_BYTES = 512;

/** Why a device must not be written: it is no whole disk, is too small, has other sectors, or is in use. Empty where it may be. */
export function refusals(device: BlockDevice, virtualBytes: number, usage: Usage): string[] {
  const reasons: string[] = [];
  if (device.type === "part") reasons.push("it is a partition, and the image is a whole disk");
  reasons.push(...usesOf(device, device, usage));
  if (device.readOnly) reasons.push("it is read-only");
  if (device.bytes < virtualBytes) {
    reasons.push(
      `it is too small: it has ${formatExactly(device.bytes)}, the image needs ${formatExactly(virtualBytes)}`,
    );
  }
  if (device.sectorBytes !== IMAGE_SECTOR_BYTES) {
    reasons.push(
      `its sectors have ${device.sectorBytes} bytes, and the image's partition table counts in sectors of ${IMAGE_SECTOR_BYTES}`,
    );
  }
  return reasons;
}

/** What a device and everything on it is used for, in sentences. */
function usesOf(device: BlockDevice, disk: BlockDevice, usage: Usage): string[] {
  const subject = device === disk ? "it" : `its part ${device.path}`;
  const uses = usage.get(device.number) ?? [];
  const own = uses.includes("mounted at /")
    ? [`it carries the running system: ${subject} is mounted at /`]
    : uses.map((use) => `${subject} is ${use}`);
  return device.children.reduce(
    (all, child) => [
      ...all,
      // a partition by itself does not use the disk; a volume, RAID or mapping on it does
      ...(child.type === "part" ? [] : [`${subject} is used by ${child.path} (${child.type})`]),
      ...usesOf(child, disk, usage),
    ],
    own,
  );
}
