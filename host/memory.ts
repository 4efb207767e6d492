import { totalmem } from "node:os";

import { readIfThere } from "./files";

/** This machine's memory in bytes: all of it, and what programs could have of it now. */
export function readMemory(): { total: number; available: number } {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(readIfThere("/proc/meminfo"))?.[1];
  return { total: totalmem(), available: Number(available) * 1024 };
}
