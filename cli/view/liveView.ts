import { Listr, type ListrTask } from "listr2";

import type { EngineEvent } from "../../engine/events";
import { formatSeconds } from "../../plan/units";
import { expectedTotal } from "../../preview/expectedTotal";
import { phaseOf, shareOf, stepOf } from "./lines";
import { liveLine, type LiveLine } from "./liveLine";
import { LiveParts } from "./liveParts";
import { type Row, View } from "./view";

interface LiveStage {
  readonly line: LiveLine;
  readonly parts: LiveParts;
  readonly expected: number | undefined;
  phase: string;
  /** How far the phase's transfer is, where its size is known. */
  share?: number;
}

/** A list on a terminal, a line for each stage, and for each of the user's steps in it. */
export class LiveView extends View {
  private readonly stages = new Map<string, LiveStage>();
  private readonly list: Promise<unknown>;
  private readonly timer = setInterval(() => this.draw(), 500);
  private readonly whole = Promise.withResolvers<void>();
  private total?: { title?: string };

  /** Columns of the longest name. */
  private readonly width: number;

  /** @param parallel how many stages run at a time */
  constructor(
    private readonly rows: readonly Row[],
    private readonly parallel: number,
  ) {
    super();
    this.width = Math.max(WIDTH, ...rows.map(({ stage }) => stage.length));
    const tasks = rows.flatMap(({ stage, expectedSeconds, steps = [] }) => {
      const isKnown = () => this.begun.has(stage) || this.finished.has(stage);
      const line = liveLine(stage.padEnd(this.width), isKnown);
      const parts = new LiveParts(steps);
      this.stages.set(stage, { line, parts, expected: expectedSeconds, phase: "" });
      return [line.task, ...parts.tasks];
    });
    const total: ListrTask = {
      title: "total",
      task: (_, task) => {
        this.total = task;
        return this.whole.promise;
      },
    };
    this.list = new Listr([...tasks, total], {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
    }).run();
  }

  protected show(event: EngineEvent): void {
    if (!("step" in event)) return;
    const stage = this.stages.get(event.step);
    if (!stage) return;
    const { line, parts } = stage;
    if (event.kind === "line") return this.hear(stage, event.text);
    line.begin();
    if (event.kind === "failed") {
      parts.fail();
      line.fail(event.message.split("\n")[0]!);
    }
    if (event.kind === "done") {
      parts.end();
      const took = event.from === "run" ? formatSeconds(this.elapsed(event.step)) : event.from;
      line.end(`${event.step}  ${took}`);
    }
  }

  private hear(stage: LiveStage, text: string): void {
    const phase = phaseOf(text);
    if (phase === undefined) {
      stage.share = shareOf(text) ?? stage.share;
      stage.line.say(text);
      return;
    }
    stage.phase = phase;
    stage.share = undefined;
    stage.parts.reach(stepOf(phase));
  }

  private draw(): void {
    this.drawTotal(this.left());
    for (const [name, { line, parts, expected, phase, share }] of this.stages) {
      if (!this.begun.has(name) || this.finished.has(name)) continue;
      parts.draw();
      const elapsed = this.elapsed(name);
      const late = expected !== undefined && elapsed > expected;
      const of = late ? ", longer than the expected" : " of about";
      const about = expected === undefined ? "" : `${of} ${formatSeconds(expected)}`;
      const far = share ?? (expected === undefined ? undefined : elapsed / expected);
      line.title(
        `${name.padEnd(this.width)} ${bar(far)} ${formatSeconds(elapsed)}${about}  ${phase}`,
      );
    }
  }

  /** How long the run has taken, and what is left of it. */
  private drawTotal(left: number): void {
    const rest = left > 0 ? `, about ${formatSeconds(left)} left` : "";
    if (this.total) this.total.title = `${"total".padEnd(this.width)} ${this.sofar()}${rest}`;
  }

  /** The seconds that are left, as far as earlier runs tell. */
  private left(): number {
    return expectedTotal(
      this.rows.map(({ stage, after = [], expectedSeconds = 0 }) => ({
        ...{ stage, after },
        runs: !this.finished.has(stage),
        expectedSeconds: Math.max(0, expectedSeconds - this.elapsed(stage)),
      })),
      this.parallel,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.drawTotal(0);
    this.whole.resolve();
    for (const { line, parts } of this.stages.values()) {
      parts.close();
      line.end();
    }
    await this.list.catch(() => undefined);
  }
}

/** Of the names of a stack with one image. */
const WIDTH = 12;

const BAR_WIDTH = 20;

/** The share of what is to be done that has been; never full before the stage is done. */
function bar(share: number | undefined): string {
  if (share === undefined) return "";
  const filled = Math.min(BAR_WIDTH - 1, Math.floor(share * BAR_WIDTH));
  return "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
}
