import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

import { projectFolder } from "../../stages/project";
import { Run } from "./run";

/** One fault that was tried, and what it cost. */
export interface Figure {
  readonly fault: string;
  /** Stage, or what else it hit. */
  readonly where: string;
  /** From the fault until nothing of the run was left; only where the test inflicts it at a known moment. */
  readonly secondsToClean?: number;
}

const figures: Figure[] = [];
let failed = 0;
let leaks = 0;
let lostBytes = 0;

/** Called where a fault was survived: every invariant held after it. */
export const survived = (figure: Figure) => void figures.push(figure);

/** Called by whoever finds something that a run left behind. */
export const countLeaks = (found: number) => void (leaks += found);

/** Called by whoever finds something damaged that a fault must not touch. */
export const countLostBytes = (bytes: number) => void (lostBytes += bytes);

const DOCUMENT = join(projectFolder, "docs/reliability.md");
const BEGIN = "<!-- figures: made by `npm run test:faults -- --report` -->";
const END = "<!-- end of figures -->";

/** The table of `docs/reliability.md`. */
function table(): string {
  const rows = [...new Set(figures.map(({ fault }) => fault))].map((fault) => {
    const hits = figures.filter((figure) => figure.fault === fault);
    const times = hits.flatMap(({ secondsToClean }) => secondsToClean ?? []);
    const where = [...new Set(hits.map((hit) => hit.where))].join(", ");
    const slowest = times.length ? `${Math.max(...times).toFixed(1)} s` : "–";
    return `| ${fault} | ${where} | ${hits.length} | ${slowest} |`;
  });
  return [
    `Faults tried: ${figures.length + failed}. Survived: ${figures.length}. Bytes lost: ${lostBytes}. Leaks: ${leaks}. (${cpus().length} CPUs, ${new Date().toISOString().slice(0, 10)})`,
    "",
    "| fault | where | times | slowest from fault to clean |",
    "|---|---|---|---|",
    ...rows,
  ].join("\n");
}

/** Counts the tests of a suite that fail: each is a fault that was not survived. What still runs of it must not fail the next. */
export function countFaults(): void {
  afterEach("count the fault", function () {
    if (this.currentTest?.state !== "failed") return;
    failed++;
    Run.killAll();
  });
}

after("tell the figures", () => {
  if (figures.length + failed === 0) return;
  const text = table();
  console.log(`\n${text.split("\n")[0]}`);
  if (!process.env.KRAGLE_REPORT) return;
  const document = readFileSync(DOCUMENT, "utf8");
  const [before, rest = ""] = document.split(BEGIN);
  const after = rest.split(END)[1] ?? "";
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${text}\n\n${END}${after}`);
});
