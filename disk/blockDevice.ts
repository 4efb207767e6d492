import { z } from "zod";

import { EXIT, StageFailure } from "../host/failure";
import { type Command, outputOf } from "../host/process";

/** A block device with everything that lies on it: partitions, and what is built upon them (LVM, md, dm). */
export interface BlockDevice {
  /** As the kernel names it, such as "/dev/sdb". */
  readonly path: string;
  /** lsblk's word: disk, part, loop, lvm, crypt, raid1, … */
  readonly type: string;
  /** Major and minor number, such as "8:16". */
  readonly number: string;
  readonly bytes: number;
  /** The unit in which partition tables count. */
  readonly sectorBytes: number;
  readonly readOnly: boolean;
  readonly model: string | null;
  readonly serial: string | null;
  /** usb, sata, nvme, … */
  readonly transport: string | null;
  /** File system, or what else was recognised, such as "LVM2_member". */
  readonly content: string | null;
  readonly label: string | null;
  readonly children: readonly BlockDevice[];
}

const COLUMNS = "NAME,TYPE,MAJ:MIN,SIZE,LOG-SEC,RO,MODEL,SERIAL,TRAN,FSTYPE,LABEL";

// before util-linux 2.33 every value was printed as text
const number = z.coerce.number();
const flag = z.union([z.boolean(), z.enum(["0", "1"]).transform((text) => text === "1")]);
const words = z
  .string()
  .nullish()
  .transform((text) => text?.trim() || null);

const lsblkDevice = z.object({
  name: z.string(),
  type: z.string(),
  "maj:min": z.string(),
  size: number,
  "log-sec": number,
  ro: flag,
  model: words,
  serial: words,
  tran: words,
  fstype: words,
  label: words,
  get children() {
    return z.array(lsblkDevice).optional();
  },
});

/** @throws StageFailure where the machine has no lsblk that can describe devices as JSON (util-linux ≥ 2.27) */
export async function readBlockDevice(path: string): Promise<BlockDevice> {
  const lsblk: Command = ["lsblk", "--json", "--bytes", "--paths", "--output", COLUMNS, "--", path];
  const json = await outputOf(lsblk).catch((error: Error) => {
    throw new StageFailure(`lsblk cannot describe ${path}: ${error.message}`, {
      hint: "install util-linux 2.27 or newer",
      exitCode: EXIT.lacking,
    });
  });
  return parseLsblk(json);
}

export function parseLsblk(json: string): BlockDevice {
  const { blockdevices } = z
    .object({ blockdevices: z.array(lsblkDevice).length(1) })
    .parse(JSON.parse(json));
  return convert(blockdevices[0]!);
}

const convert = (from: z.infer<typeof lsblkDevice>): BlockDevice => ({
  path: from.name,
  type: from.type,
  number: from["maj:min"].trim(),
  bytes: from.size,
  sectorBytes: from["log-sec"],
  readOnly: from.ro,
  model: from.model,
  serial: from.serial,
  transport: from.tran,
  content: from.fstype,
  label: from.label,
  children: (from.children ?? []).map(convert),
});
