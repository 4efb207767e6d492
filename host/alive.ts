import { readIfThere } from "./files";

/** Whether a process of this machine runs, whoever's it is. A zombie, which has ended and for which its parent has not waited, does not. */
export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return !/^State:\s+[ZX]/m.test(readIfThere(`/proc/${pid}/status`));
}
