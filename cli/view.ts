import { Listr, type ListrTaskWrapper } from "listr2";

import type { EngineEvent } from "../engine/events";
import { expectedTotal } from "../infra/estimates";
import type { PlanRow } from "../infra/planReport";
import { formatSeconds } from "../plan/units";
import { say, tell } from "../host/output";
import { printable, printableLines } from "../host/printable";

/** A step that a view shows, and how long it is expected to take. */
export type Row = Pick<PlanRow, "stage" | "expectedSeconds">;

type From = "store" | "run" | "unchanged";

/** Shows an engine's events. */
export interface View {
  take(event: EngineEvent): void;
  close(): Promise<void>;
  /** Where each finished step's result came from. */
  readonly finished: ReadonlyMap<string, From>;
  /** How long each step ran that did. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Whether any step had to run. */
  readonly worked: boolean;
}

/**
 * On a terminal a live list with bars; elsewhere plain lines. With `--json` the lines go to stderr.
 *
 * @param out takes the plain lines
 */
export function makeView(rows: readonly Row[], json: boolean, out = json ? tell : say): View {
  const expected = new Map(rows.map((row) => [row.stage, row.expectedSeconds]));
  const live = !json && process.stdout.isTTY;
  return live ? new LiveView(rows) : new PlainView(expected, out);
}

const SILENCE_SECONDS = 25;

abstract class Recorder implements View {
  readonly finished = new Map<string, From>();
  readonly seconds: Record<string, number> = {};
  protected readonly begun = new Map<string, number>();
  protected readonly failed = new Set<string>();
  worked = false;

  take(event: EngineEvent): void {
    if (event.kind === "start") {
      this.begun.set(event.step, performance.now());
      this.worked = true;
    }
    if (event.kind === "done") {
      this.finished.set(event.step, event.from);
      const seconds = Math.round(this.elapsed(event.step));
      // a Docker build that took less was answered from the cache, and says nothing about how long one takes
      if (event.from === "run" && seconds >= 5) this.seconds[event.step] = seconds;
    }
    if (event.kind === "failed") this.failed.add(event.step);
    this.show(seen(event));
  }

  protected elapsed(step: string): number {
    return (performance.now() - (this.begun.get(step) ?? performance.now())) / 1000;
  }

  protected abstract show(event: EngineEvent): void;
  abstract close(): Promise<void>;
}

/** What guests, Docker and other programs say, as a terminal may show it: the live list is written by a library. */
function seen(event: EngineEvent): EngineEvent {
  if (event.kind === "failed") return { ...event, message: printableLines(event.message) };
  return "text" in event ? { ...event, text: printable(event.text) } : event;
}

class PlainView extends Recorder {
  private readonly started = performance.now();
  private readonly timer = setInterval(() => this.beat(), SILENCE_SECONDS * 1000);

  constructor(
    private readonly expected: ReadonlyMap<string, number | undefined>,
    private readonly out: (text: string) => void,
  ) {
    super();
  }

  protected show(event: EngineEvent): void {
    if (event.kind === "note") this.line("", event.text);
    if (event.kind === "line") this.line(event.step, event.text);
    // the whole reason, at once: what still runs may take long
    if (event.kind === "failed") {
      this.line(event.step, "failed");
      for (const text of event.message.split("\n")) this.line(event.step, text);
    }
    if (event.kind === "start") {
      const about = this.expected.get(event.step);
      this.line(
        event.step,
        about === undefined ? "starts" : `starts, about ${formatSeconds(about)}`,
      );
    }
    if (event.kind === "done") {
      const took =
        event.from === "run"
          ? `done in ${formatSeconds(this.elapsed(event.step))}`
          : `from ${event.from}`;
      this.line(event.step, event.from === "unchanged" ? "unchanged" : took);
    }
  }

  private line(step: string, text: string): void {
    const at = formatSeconds((performance.now() - this.started) / 1000);
    this.out(`[${at}] ${step ? `${step}: ` : ""}${text}\n`);
    this.timer.refresh();
  }

  private beat(): void {
    for (const step of this.begun.keys()) {
      if (!this.finished.has(step) && !this.failed.has(step))
        this.line(step, `still at work, ${formatSeconds(this.elapsed(step))} so far`);
    }
  }

  close(): Promise<void> {
    clearInterval(this.timer);
    return Promise.resolve();
  }
}

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

class LiveView extends Recorder {
  private readonly steps = new Map<string, LiveStep>();
  private readonly list: Promise<unknown>;
  private readonly timer = setInterval(() => this.draw(), 500);
  private readonly whole = Promise.withResolvers<void>();
  private readonly started = performance.now();
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
    const sofar = formatSeconds((performance.now() - this.started) / 1000);
    const rest = left > 0 ? `, about ${formatSeconds(left)} left` : "";
    if (this.total) this.total.title = `${"total".padEnd(12)} ${sofar}${rest}`;
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
