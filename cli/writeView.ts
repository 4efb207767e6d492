import { Listr } from "listr2";

import { describeProgress } from "../disk/progress";
import type { WriteStep } from "../disk/writeImage";

/** Milliseconds between two reports of progress, on a terminal and in a log. */
const EVERY_MS = { terminal: 200, log: 5000 };

/** Runs the steps of a write one after the other and shows how far they are: on a terminal a live list, elsewhere lines. */
export async function showSteps(steps: readonly WriteStep[], silent: boolean): Promise<void> {
  const every = process.stdout.isTTY ? EVERY_MS.terminal : EVERY_MS.log;
  const tasks = steps.map(({ title, run: runStep }) => ({
    title,
    task: (_: unknown, task: { output: string }) => {
      const started = performance.now();
      let shown = started;
      return runStep((done, total) => {
        if (performance.now() - shown < every) return;
        shown = performance.now();
        task.output = describeProgress(done, total, (shown - started) / 1000);
      });
    },
  }));
  await new Listr(tasks, {
    silentRendererCondition: silent,
    fallbackRenderer: "verbose",
    registerSignalListeners: false,
    rendererOptions: { showErrorMessage: false, collapseErrors: false },
  }).run();
}
