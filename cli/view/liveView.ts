import { Listr, type ListrTaskWrapper } from "listr2";

import type { EngineEvent } from "../../engine/events";
import { expectedTotal } from "../../infra/estimates";
import { formatSeconds } from "../../plan/units";
import { type Row, View } from "./view";

type Task = ListrTaskWrapper<unknown, never, never>;

interface LiveStep {
  readonly begin: () => void;
  readonly reached: Promise<void>;
  readonly settle: (error?: Error) => void;
  readonly ended: Promise<void>;
  readonly expected: number | undefined;
  task?: Task;
  title?: string;
  phase: string;
}

/** A list on a terminal, a line for each step. */
export class LiveView extends View {
  private readonly steps = new Map<string, LiveStep>();
  private readonly list: Promise<unknown>;
  private readonly timer = setInterval(() => this.draw(), 500);
  private readonly whole = Promise.withResolvers<void>();
  private total?: Task;

  constructor(private readonly rows: readonly Row[]) {
    super();
    for (const { stage, expectedSeconds } of rows) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      promise.catch(() => undefined);
      const settle = (error?: Error) => (error ? reject(error) : resolve());
      const { promise: reached, resolve: begin } = Promise.withResolvers<void>();
      this.steps.set(stage, {
        ...{ begin, reached, settle, ended: promise },
        ...{ expected: expectedSeconds, phase: "" },
      });
    }
    const total = {
      title: "total",
      task: (_: unknown, task: unknown) => {
        this.total = task as Task;
        return this.whole.promise;
      },
    };
    const tasks = [...this.steps].map(([name, step]) => this.row(name, step));
    this.list = new Listr([...tasks, total], {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
    }).run();
  }

  /** A step's line. Listr turns its sign for whatever it has started, so it starts a step only when that begins. */
  private row(name: string, step: LiveStep) {
    let asked = 0;
    return {
      title: `${name.padEnd(12)} waiting`,
      // Listr asks for all tasks before it shows any, and for each again before it starts it
      enabled: () => (asked++ === 0 ? true : step.reached.then(() => true)),
      // a step that never began, because another one failed, is neither done nor failed
      skip: () => !this.begun.has(name) && !this.finished.has(name) && `${name}  not reached`,
      task: (_: unknown, task: unknown) => {
        step.task = task as Task;
        if (step.title !== undefined) step.task.title = step.title;
        return step.ended;
      },
    };
  }

  protected show(event: EngineEvent): void {
    if (!("step" in event)) return;
    const step = this.steps.get(event.step);
    if (!step) return;
    if (event.kind !== "line") step.begin();
    if (event.kind === "line" && event.text.startsWith("» ")) step.phase = event.text.slice(2);
    else if (event.kind === "line" && step.task) step.task.output = event.text;
    if (event.kind === "failed") step.settle(new Error(event.message.split("\n")[0]));
    if (event.kind === "done") {
      const took = event.from === "run" ? formatSeconds(this.elapsed(event.step)) : event.from;
      step.title = `${event.step}  ${took}`;
      if (step.task) step.task.title = step.title;
      step.settle();
    }
  }

  private draw(): void {
    this.drawTotal(this.left());
    for (const [name, step] of this.steps) {
      if (!step.task || !this.begun.has(name) || this.finished.has(name)) continue;
      const elapsed = this.elapsed(name);
      const late = step.expected !== undefined && elapsed > step.expected;
      const of = late ? ", longer than the expected" : " of about";
      const about = step.expected === undefined ? "" : `${of} ${formatSeconds(step.expected)}`;
      step.task.title = `${name.padEnd(12)} ${bar(elapsed, step.expected)} ${formatSeconds(elapsed)}${about}  ${step.phase}`;
    }
  }

  /** How long the run has taken, and what is left of it. */
  private drawTotal(left: number): void {
    const rest = left > 0 ? `, about ${formatSeconds(left)} left` : "";
    if (this.total) this.total.title = `${"total".padEnd(12)} ${this.sofar()}${rest}`;
  }

  /** The seconds that are left, as far as earlier runs tell. */
  private left(): number {
    return expectedTotal(
      this.rows.map(({ stage, expectedSeconds = 0 }) => ({
        stage,
        runs: !this.finished.has(stage),
        expectedSeconds: Math.max(0, expectedSeconds - this.elapsed(stage)),
      })),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.drawTotal(0);
    this.whole.resolve();
    for (const step of this.steps.values()) {
      step.begin();
      step.settle();
    }
    await this.list.catch(() => undefined);
  }
}

const BAR_WIDTH = 20;

/** Share of the expected time that has passed; never full before the step is done. */
function bar(elapsed: number, expected: number | undefined): string {
  if (expected === undefined) return "";
  const filled = Math.min(BAR_WIDTH - 1, Math.floor((elapsed / expected) * BAR_WIDTH));
  return "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
}
