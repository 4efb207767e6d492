import { formatSeconds } from "../plan/units";
import { totalSeconds } from "./planReport";
import { imagesIn, type PlanRow, willRun } from "./planRow";

/**
 * The rows as aligned lines, those of several images as a tree, and how long all of it will take.
 *
 * @param parallel how many stages run at a time
 */
export function planLines(rows: readonly PlanRow[], parallel = Infinity): string[] {
  const shared = rows.filter(({ image }) => image === undefined);
  const names = imagesIn(rows);
  const width = Math.max(...shared.map(({ stage }) => stage.length), ...names.map((n) => n.length));
  const lines = [
    ...shared.flatMap((row) => linesOf(row, row.stage, width)),
    ...treeOf(rows, undefined, width),
  ];
  const running = rows.filter(willRun);
  if (running.length === 0) return lines;
  const known = running.every(({ expectedSeconds }) => expectedSeconds !== undefined);
  const total = totalSeconds(rows, parallel);
  const beside = names.length > 1 && parallel > 1 ? `, up to ${parallel} stages at a time` : "";
  const about = `${known ? "about" : "at least"} ${formatSeconds(total)}, as earlier runs took${beside}`;
  return [
    ...lines,
    `${"total".padEnd(width)}  ${total > 0 ? about : "not known, since none of this has run here before"}`,
  ];
}

/** The images that are made on another, or on none, each with its stages and with those that are made on it. */
function treeOf(rows: readonly PlanRow[], on: string | undefined, width: number): string[] {
  const own = rows.filter((row) => row.on === on);
  // not Map.groupBy: the Pulumi CLI runs this by the machine's Node, which may be older than the one in .kragle/node
  return imagesIn(own).flatMap((name) => {
    const stages = own.filter(({ image }) => image === name);
    const isWaiting = rows.some((row) => row.image === on && willRun(row));
    const below = on === undefined ? "" : `${isWaiting ? "waits for" : "made on"} ${on}`;
    const isUnchanged = stages.every(({ status }) => status === "unchanged");
    const title = `${name.padEnd(width)}  ${isUnchanged ? "unchanged" : below}`.trimEnd();
    const locals = stages.map((row) => [row, row.stage.slice(name.length + 1)] as const);
    const inner = Math.max(...locals.map(([, stage]) => stage.length));
    const all = isUnchanged
      ? stages.flatMap(({ notes = [] }) => notes)
      : locals.flatMap(([row, stage]) => linesOf(row, stage, inner));
    return [title, ...[...all, ...treeOf(rows, name, width)].map((line) => `  ${line}`)];
  });
}

function linesOf(row: PlanRow, stage: string, width: number): string[] {
  const { status, reasons, notes = [], expectedSeconds } = row;
  const time = expectedSeconds === undefined ? "" : `, about ${formatSeconds(expectedSeconds)}`;
  const indent = " ".repeat(width + 4);
  const shown = [...shorten(reasons), ...notes].map((line) => indent + line);
  return [`${stage.padEnd(width)}  ${status}${time}`, ...shown];
}

/** As many reasons as somebody reads; `--json` has all of them. */
const REASONS_SHOWN = 8;

const shorten = (reasons: readonly string[]) =>
  reasons.length <= REASONS_SHOWN
    ? reasons
    : [
        ...reasons.slice(0, REASONS_SHOWN - 1),
        `and ${reasons.length - REASONS_SHOWN + 1} more; all of them: preview --json`,
      ];
