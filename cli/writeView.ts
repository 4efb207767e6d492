import { describeProgress } from "../disk/progress";
import type { WriteStep } from "../disk/writeImage";
import { makeView } from "./view";

/** Milliseconds between two reports of progress, on a terminal and in a log. */
const EVERY_MS = { terminal: 200, log: 5000 };

/** Runs the steps of a write one after the other, and shows them as `up` shows its stages. */
export async function showSteps(steps: readonly WriteStep[], json: boolean): Promise<void> {
  const view = makeView(
    steps.map(({ title }) => ({ stage: title })),
    json,
  );
  const every = process.stdout.isTTY ? EVERY_MS.terminal : EVERY_MS.log;
  try {
    for (const { title: step, run } of steps) {
      view.take({ kind: "start", step });
      const started = performance.now();
      let shown = started;
      await run((done, total) => {
        if (performance.now() - shown < every) return;
        shown = performance.now();
        const text = describeProgress(done, total, (shown - started) / 1000);
        view.take({ kind: "line", step, text });
      }).catch((error: Error) => {
        view.take({ kind: "failed", step, message: error.message });
        throw error;
      });
      view.take({ kind: "done", step, from: "run" });
    }
  } finally {
    await view.close();
  }
}
