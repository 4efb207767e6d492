import { join } from "node:path";

import { readIfThere } from "../host/files";
import { namesIn } from "./openFiles";

export interface LoopDevice {
  /** Such as "/dev/loop0". */
  readonly device: string;
  /** Major and minor number, such as "7:0". */
  readonly number: string;
  /** Path of the file or device behind it. */
  readonly backing: string;
}

/** The loop devices that have something behind them, from sysfs, which does not need a node in /dev. */
export function loopDevices(): LoopDevice[] {
  return namesIn("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .map((name) => ({
      device: `/dev/${name}`,
      number: readIfThere(join("/sys/block", name, "dev")).trim(),
      backing: readIfThere(join("/sys/block", name, "loop/backing_file")).trimEnd(),
    }))
    .filter(({ backing }) => backing !== "");
}
