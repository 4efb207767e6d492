import { createInterface } from "node:readline/promises";
import { basename } from "node:path";

import { formatSize, parseSize } from "../plan/units";
import { EXIT, StageFailure } from "../host/failure";
import type { BlockDevice } from "./blockDevice";

/** How a script that cannot be asked says which device it means. */
export interface Consent {
  readonly yes?: boolean;
  readonly serial?: string;
  /** Bytes, or a size such as "8 GiB"; only for a device that has no serial number. */
  readonly deviceSize?: string;
}

/** A device, its partitions, and the volumes and file systems on them, as aligned lines. */
export function describeDevice(device: BlockDevice): string {
  const bus = device.transport ? `, ${device.transport}` : "";
  return [
    `  device   ${device.path} (${device.type}${bus})`,
    `  model    ${device.model ?? "unknown"}`,
    `  serial   ${device.serial ?? "none"}`,
    `  size     ${formatSize(device.bytes)} (${device.bytes} bytes)`,
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
  const { deviceSize } = consent;
  const bytes = /^\d+$/.test(deviceSize) ? Number(deviceSize) : parseSize(deviceSize);
  return bytes === device.bytes ? undefined : `it has ${device.bytes} bytes, not ${bytes}`;
}

/** Asks on the terminal for the device's name, typed in full. @throws StageFailure where it is not given */
export async function askForName(path: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new StageFailure("there is no terminal on which to confirm", {
      hint: "give --yes, with --serial for a device that has one, else with --device-size",
      exitCode: EXIT.wrongSettings,
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal
    .question(`Everything on it will be lost. Type its name (${basename(path)}) to go on: `)
    .catch(() => "")
    .finally(() => terminal.close());
  if ([path, basename(path)].includes(answer.trim())) return;
  throw new StageFailure("not confirmed; nothing was written", { exitCode: EXIT.wrongSettings });
}
