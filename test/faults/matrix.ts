import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { projectFolder } from "../../host/project";
import { type Figures, figuresInOneLine, reportFigures } from "./figureTable";

// `npm run test:faults`: the fault matrix, in two runs of mocha side by side, since much of it waits.
// With --report it writes its figures into docs/reliability.md.

/** What the second run takes, about half of the time; the first takes all others. */
const SECOND =
  "kills pulumi secrets write output publish iso host images source guest imageStage daemon convert";

const second = SECOND.split(" ");
const first = readdirSync(__dirname)
  .flatMap((file) => /^(\w+)\.test\.ts$/.exec(file)?.[1] ?? [])
  .filter((name) => !second.includes(name))
  // a real build first, as in the second: it leaves the tools image, which the tests in containers need
  .sort((one, other) => Number(other === "fullDisk") - Number(one === "fullDisk"));
const lanes = [first, second];

interface Ended {
  readonly counts: readonly number[];
  readonly figures: Figures;
}

/** Runs the suites one after another; every line that is printed begins with the lane. */
async function run(names: readonly string[], lane: number, folder: string): Promise<Ended> {
  const figuresFile = join(folder, `${lane}.json`);
  const mocha = ["node_modules/mocha/bin/mocha.js", "--reporter", "./test/reporter.cjs"];
  const child = spawn(
    process.execPath,
    [...mocha, ...names.map((name) => `test/faults/${name}.test.ts`)],
    {
      cwd: projectFolder,
      env: { ...process.env, KRAGLE_TEST_FULL: "1", KRAGLE_FIGURES: figuresFile },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  process.on("SIGTERM", pass);
  let counts: readonly number[] | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const count = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line);
    if (count) counts = count.slice(1).map(Number);
    else console.log(line === "" ? "" : `${lane}| ${line}`);
  }
  process.off("SIGTERM", pass);
  const nothing: Figures = { survived: [], failed: 0, leaks: 0, lostBytes: 0 };
  const figures = existsSync(figuresFile)
    ? (JSON.parse(readFileSync(figuresFile, "utf8")) as Figures)
    : nothing;
  // a run that was ended before it could count has failed
  return { counts: counts ?? [0, 1, 0], figures };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kragle-figures-"));
  const ended = await Promise.all(
    lanes.map((names, index) => run(names, index + 1, folder)),
  ).finally(() => rmSync(folder, { recursive: true }));
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
  const figures: Figures = {
    survived: ended.flatMap((lane) => lane.figures.survived),
    failed: sum(ended.map((lane) => lane.figures.failed)),
    leaks: sum(ended.map((lane) => lane.figures.leaks)),
    lostBytes: sum(ended.map((lane) => lane.figures.lostBytes)),
  };
  console.log(figuresInOneLine(figures));
  if (process.argv.includes("--report")) reportFigures(figures);
  const [passed, failed, skipped] = [0, 1, 2].map((at) => sum(ended.map((e) => e.counts[at]!)));
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (failed! > 0) process.exitCode = 1;
}

void main();
