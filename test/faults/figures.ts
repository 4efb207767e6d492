import { writeFileSync } from "node:fs";

import { type Figure, figuresInOneLine } from "./figureTable";
import { Run } from "./run";

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
  const all = { survived: figures, failed, leaks, lostBytes };
  const file = process.env.KRAGLE_FIGURES;
  if (file) writeFileSync(file, JSON.stringify(all));
  else console.log(`\n${figuresInOneLine(all)}`);
});
