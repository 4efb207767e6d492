import assert from "node:assert/strict";
import { mock } from "node:test";

import { makeView } from "../../cli/view";
import type { View } from "../../cli/view/view";
import type { LogFile } from "../../host/logFile";
import { PhaseClock } from "../../run/phaseClock";

/** The plain lines of a view while this runs. */
async function shown(use: (view: View) => void, rows: Parameters<typeof makeView>[0] = []) {
  const lines: string[] = [];
  mock.timers.enable({ apis: ["setInterval", "Date"] });
  // Node's mocked timers move the wall clock alone
  mock.method(performance, "now", () => Date.now());
  try {
    const view = makeView(rows, true, (text) => void lines.push(text));
    use(view);
    await view.close();
    mock.timers.tick(120_000);
    return { lines, view };
  } finally {
    mock.reset();
  }
}

const rows = [
  { stage: "base", status: "will run", reasons: [], changes: [], expectedSeconds: 80 },
  { stage: "image", status: "will run", reasons: [], changes: [] },
] as const;

describe("the view in a pipe", () => {
  it("has a line for each thing that happens, with the time since the start", async () => {
    const { lines, view } = await shown((view) => {
      view.take({ kind: "note", text: "a word of the engine" });
      view.take({ kind: "done", step: "builder", from: "store" });
      view.take({ kind: "start", step: "base" });
      mock.timers.tick(20_000);
      view.take({ kind: "line", step: "base", text: "» install packages" });
      mock.timers.tick(1000);
      view.take({ kind: "done", step: "base", from: "run" });
      view.take({ kind: "start", step: "image" });
      mock.timers.tick(2000);
      view.take({ kind: "failed", step: "image", message: "why\n  next: what" });
      view.take({ kind: "done", step: "check", from: "unchanged" });
    }, rows);
    assert.deepEqual(lines, [
      "[0 s] a word of the engine\n",
      "[0 s] builder: from store\n",
      "[0 s] base: starts, about 1 min 20 s\n",
      "[20 s] base: » install packages\n",
      "[21 s] base: done in 21 s\n",
      "[21 s] image: starts\n",
      "[23 s] image: failed\n",
      "[23 s] image: why\n",
      "[23 s] image:   next: what\n",
      "[23 s] check: unchanged\n",
    ]);
    assert.equal(view.worked, true);
    assert.deepEqual(
      [...view.finished],
      [
        ["builder", "store"],
        ["base", "run"],
        ["check", "unchanged"],
      ],
    );
  });

  it("shows nothing that a terminal obeys, whoever said it", async () => {
    const lines: string[] = [];
    const view = makeView([{ stage: "image" }], false, (text) => lines.push(text));
    view.take({ kind: "line", step: "image", text: "a\u009b2J\u202eb\nc" });
    view.take({ kind: "failed", step: "image", message: "Docker says\n\u001b]0;x\u0007" });
    await view.close();
    assert.deepEqual(
      lines.map((line) => line.replace(/^\[.*?\] /, "")),
      [
        "image: a\\u{9b}2J\\u{202e}b\\nc\n",
        "image: failed\n",
        ...["image: Docker says\n", "image: \\u{1b}]0;x\\u{7}\n"],
      ],
    );
  });

  it("says at least every 30 seconds what is still at work, and nothing of what is not", async () => {
    const { lines } = await shown((view) => {
      view.take({ kind: "start", step: "base" });
      view.take({ kind: "done", step: "base", from: "run" });
      view.take({ kind: "start", step: "check" });
      view.take({ kind: "failed", step: "check", message: "no" });
      view.take({ kind: "start", step: "smoke" });
      mock.timers.tick(29_000);
      mock.timers.tick(29_000);
    });
    assert.deepEqual(lines.slice(6), [
      "[29 s] smoke: still at work, 29 s so far\n",
      "[58 s] smoke: still at work, 58 s so far\n",
    ]);
  });

  it("does not say it of a stage that says it itself", async () => {
    const { lines } = await shown((view) => {
      view.take({ kind: "start", step: "image" });
      const clock = new PhaseClock((text) => view.take({ kind: "line", step: "image", text }), {
        write: () => undefined,
        close: () => undefined,
      } as unknown as LogFile);
      clock.line("» wait for ssh");
      for (let second = 0; second < 60; second += 1) mock.timers.tick(1000);
      clock.stop();
    });
    assert.deepEqual(lines, [
      "[0 s] image: starts\n",
      "[0 s] image: » wait for ssh\n",
      "[25 s] image: … wait for ssh, 25 s so far\n",
      "[50 s] image: … wait for ssh, 50 s so far\n",
    ]);
  });

  it("is silent where nothing is at work, and after its end", async () => {
    const { lines, view } = await shown(() => mock.timers.tick(60_000));
    assert.deepEqual(lines, []);
    assert.equal(view.worked, false);
  });

  it("does not call a run of hits work", async () => {
    const { view } = await shown((view) => {
      view.take({ kind: "done", step: "base", from: "store" });
      view.take({ kind: "done", step: "image", from: "unchanged" });
    });
    assert.equal(view.worked, false);
  });
});
