import { readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";

import { formatExactly, formatSize } from "../plan/units";
import { EXIT, isDiskFull, StageFailure } from "../host/failure";

/** MSDOS_SUPER_MAGIC of linux/magic.h: FAT, whose files end before 4 GiB, since it keeps their length in 32 bits. */
const FAT = { type: 0x4d44, longest: 2 ** 32 - 1 };

/**
 * Why a file cannot have the image's length.
 *
 * @returns undefined where the error is about something else
 */
export async function explainSize(
  path: string,
  bytes: number,
  error: NodeJS.ErrnoException,
): Promise<StageFailure | undefined> {
  const needs = `${path} has to have ${formatExactly(bytes)}`;
  const lacking = (why: string, hint: string) =>
    new StageFailure(`${needs}, and ${why}`, { hint, exitCode: EXIT.lacking });
  if (isDiskFull(error)) {
    return lacking("there is no room for it", "make room there, or write to another place");
  }
  if (error.code !== "EFBIG") return undefined;
  const limit = processLimit(await readFile("/proc/self/limits", "utf8").catch(() => ""));
  if (limit !== undefined && limit < bytes) {
    return lacking(
      `files of this shell's programs may have ${formatSize(limit)} at most`,
      'raise the limit: "ulimit -f unlimited"',
    );
  }
  const { type } = await statfs(dirname(path));
  const why =
    type === FAT.type
      ? `its file system is FAT, whose files have ${FAT.longest} bytes at most`
      : "its file system has no files that long";
  return lacking(why, "write to another file system, such as ext4 or exFAT");
}

/** @param limits the text of /proc/PID/limits, proc(5) @returns bytes; undefined where there is no limit */
export function processLimit(limits: string): number | undefined {
  const soft = /^Max file size +(\d+) /m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
