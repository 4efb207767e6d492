import { readFileSync } from "node:fs";

/** The kernel's lists write a blank in a name as `\040`, and so on. */
export const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** Where something is mounted for this process: field 5 of each line, proc_pid_mountinfo(5). */
export const mountPoints = (): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .map(unescapeOctal);
