import { basename } from "node:path";

import { formatExactly, formatSize } from "../plan/units";
import { ask } from "../host/ask";
import { EXIT, StageFailure } from "../host/failure";
import type { BlockDevice } from "./blockDevice";
import type { Target } from "./target";

/** How a script that cannot be asked says which device it means. */
export interface Consent {
  readonly yes?: boolean;
  readonly serial?: string;
  /** Bytes; for a file, or a device that has no serial number. */
  readonly deviceSize?: number;
}

/** A device, its partitions, and the volumes and file systems on them, as aligned lines. */
export function describeDevice(device: BlockDevice): string {
  const bus = device.transport ? `, ${device.transport}` : "";
  return [
    `  device   ${device.path} (${device.type}${bus})`,
    `  model    ${device.model ?? "unknown"}`,
    `  serial   ${device.serial ?? "none"}`,
    `  size     ${formatExactly(device.bytes)}`,
    ...contents(device).map((line, i) => `${i === 0 ? "  holds  " : "         "}  ${line}`),
  ].join("\n");
}

function contents(device: BlockDevice): string[] {
  const parts = partsOf(device);
  if (parts.length > 0) return parts;
  if (!device.content) return ["nothing that was recognised"];
  return [`${device.content}${device.label ? ` "${device.label}"` : ""}, no partitions`];
}

const partsOf = (device: BlockDevice): string[] =>
  device.children.flatMap((part) => {
    const facts = [
      part.path,
      formatSize(part.bytes),
      part.content ?? "unknown content",
      part.label,
    ];
    return [facts.filter(Boolean).join("  "), ...partsOf(part)];
  });

/**
 * What is wrong with a script's consent to overwrite a device: it has to name the device by what cannot change from one
 * start of the machine to the next.
 *
 * @returns undefined where nothing is
 */
export function objection(device: BlockDevice, consent: Consent): string | undefined {
  if (device.serial !== null) {
    if (consent.serial === undefined) return "--yes also needs --serial with its serial number";
    if (consent.serial === device.serial) return undefined;
    return `its serial number is ${device.serial}, not ${consent.serial}`;
  }
  if (consent.serial !== undefined) return "it has no serial number; name it by --device-size";
  if (consent.deviceSize === undefined) {
    return "it has no serial number, so --yes also needs --device-size with its size in bytes";
  }
  return otherSize(device.bytes, consent.deviceSize);
}

/** What is wrong with the consent to write to a file: one that is there is replaced only by a size that it has, or by its name. */
export function fileObjection(
  { exists }: Target,
  virtualBytes: number,
  { yes, serial, deviceSize }: Consent,
): string | undefined {
  if (serial !== undefined) return "a file has no serial number; name it by --device-size";
  if (deviceSize !== undefined) return otherSize(virtualBytes, deviceSize);
  return exists && yes
    ? "it is there already, so --yes also needs --device-size with its size in bytes"
    : undefined;
}

const otherSize = (bytes: number, given: number) =>
  bytes === given ? undefined : `it has ${bytes} bytes, not ${given}`;

/** Asks on the terminal for the device's name, typed in full. @throws StageFailure where it is not given */
export async function askForName(path: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new StageFailure("there is no terminal on which to confirm", {
      hint: "give --yes, with --serial for a device that has one, else with --device-size",
      exitCode: EXIT.wrongSettings,
    });
  }
  const question = `Everything on it will be lost. Type its name (${basename(path)}) to go on: `;
  if ([path, basename(path)].includes((await ask(question)) ?? "")) return;
  throw new StageFailure("not confirmed; nothing was written", { exitCode: EXIT.wrongSettings });
}
