import { StageFailure } from "../../host/failure";
import { printableLines } from "../../host/printable";
import type { PlannedBoot } from "./boots";
import type { BootFailure } from "./climb";
import { TestsFailed } from "./userTests";

const CONSOLE_LINES_SHOWN = 20;
const LINE_LENGTH = 200;
const BY_TESTS =
  "mend the test, or the step whose work it found wrong; all that test N printed is in test-N.log";

/**
 * A failed boot for people: why, how far it came, and what was on the console at the end.
 *
 * @param running what was asked of the guest in the meantime, where that may have to do with it
 */
export function explainBoot(
  boot: PlannedBoot,
  { message, progress, cause }: BootFailure,
  running?: string,
): StageFailure {
  const tidy = (line: string) => `  ${line.trim().replace(/\s{3,}/g, "  ")}`.slice(0, LINE_LENGTH);
  const byTests = cause instanceof TestsFailed;
  const last = byTests
    ? []
    : progress.console.filter((line) => line.trim()).slice(-CONSOLE_LINES_SHOWN);
  const section = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? [title, ...lines.map(tidy)] : [];
  const reached = Object.entries(progress.seconds).map(([name, at]) => `${name} after ${at} s`);
  const { serialLog } = boot.machine;
  const text = [
    `the image did not pass its ${boot.title}: ${message}${running ? ` (during ${running})` : ""}`,
    `reached: ${reached.join(", ") || "nothing"}`,
    ...section("units that did not start:", progress.complaints),
    ...section("the console's last lines:", last),
  ].join("\n");
  return new StageFailure(printableLines(text), {
    evidence: [`logs/${serialLog}`, `logs/${boot.failureScreenshot}`],
    hint: `${byTests ? BY_TESTS : `look at ${serialLog} and at the screen in ${boot.failureScreenshot}`}; the image itself is kept, and the last good release stays`,
  });
}
