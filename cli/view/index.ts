import { say, tell } from "../../host/output";
import { LiveView } from "./liveView";
import { PlainView } from "./plainView";
import type { Row, View } from "./view";

/**
 * On a terminal a live list with bars; elsewhere plain lines. With `--json` the lines go to stderr.
 *
 * @param out takes the plain lines
 * @param parallel how many stages run at a time
 */
export function makeView(
  rows: readonly Row[],
  json: boolean,
  out = json ? tell : say,
  parallel = Infinity,
): View {
  const expected = new Map(rows.map((row) => [row.stage, row.expectedSeconds]));
  const live = !json && process.stdout.isTTY;
  return live ? new LiveView(rows, parallel) : new PlainView(expected, out);
}
