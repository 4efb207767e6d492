/**
 * How a kernel's report of CPUs or tasks that are stuck begins, after the clock: the soft lockup detector's, RCU's and the hung
 * task detector's (Linux 3.10 to 6.12: kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/hung_task.c). Python's `re` reads it alike.
 */
export const STALL =
  /^\[+ *\d+\.\d+\] (.*soft lockup - CPU#.*|.*rcu.*(?:self-detected stall|detected stalls on|kthread starved).*|INFO: task .* blocked for more than.*)/;

/** What the kernel says begins with its clock; a stuck one's console doubles characters now and then. Python's `re` reads it alike. */
export const KERNEL_LINE = /^\[+\s*(?:\d|$)/;

/**
 * Whether lines show that the guest goes on, and what its kernel reported since then. A kernel whose CPUs are stuck is not silent:
 * it reports that again and again, with registers and call traces. After such a report only what is not the kernel's counts.
 *
 * @param lines the last of them is not finished
 */
export function hear(
  lines: readonly string[],
  before?: string,
): { readonly goesOn: boolean; readonly stall?: string } {
  let stall = before;
  let goesOn = false;
  lines.forEach((line, index) => {
    if (line.trim() === "") return;
    const kernel = KERNEL_LINE.test(line);
    // judged when it is finished
    if (kernel && index === lines.length - 1) return;
    stall = STALL.exec(line)?.[1] ?? stall;
    if (kernel && stall !== undefined) return;
    goesOn = true;
    stall = undefined;
  });
  return { goesOn, ...(stall === undefined ? {} : { stall }) };
}

/** Why a guest counts as frozen that has not gone on for so long. */
export const freezeOf = (seconds: number, stall?: string): string =>
  stall === undefined
    ? `the guest froze: its console has said nothing for ${Math.round(seconds)} s`
    : `the guest froze: for ${Math.round(seconds)} s its console has only said that it is stuck: "${stall}"`;
