import { type BigIntStats, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { readIfThere } from "../host/files";

export interface OpenFile {
  readonly facts: BigIntStats;
  /** Such as "process 12 (qemu-system-x86)". */
  readonly process: string;
  readonly mayWrite: boolean;
}

/** What other processes have open, as far as this user may see: proc_pid_fd(5), proc_pid_fdinfo(5). */
export function* openFiles(): Generator<OpenFile> {
  for (const pid of namesIn("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    for (const descriptor of namesIn(join("/proc", pid, "fd"))) {
      const facts = statOrNone(join("/proc", pid, "fd", descriptor));
      if (!facts) continue;
      // what is asked of few of a machine's many open files is read then
      yield {
        facts,
        get process() {
          return `process ${pid} (${readIfThere(`/proc/${pid}/comm`).trim()})`;
        },
        get mayWrite() {
          const info = readIfThere(`/proc/${pid}/fdinfo/${descriptor}`);
          // O_WRONLY and O_RDWR
          return (parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "0", 8) & 3) !== 0;
        },
      };
    }
  }
}

function statOrNone(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** What lies in a folder; nothing where it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
