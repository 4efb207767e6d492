import type { EngineEvent } from "../../engine/events";
import { printable, printableLines } from "../../host/printable";
import { formatSeconds } from "../../plan/units";
import type { PlanRow } from "../../preview/planRow";

/** A step that a view shows, and how long it is expected to take. */
export type Row = Pick<PlanRow, "stage" | "expectedSeconds" | "steps"> &
  Partial<Pick<PlanRow, "after">>;

type From = Extract<EngineEvent, { readonly kind: "done" }>["from"];

/** Shows an engine's events, and remembers what they told. */
export abstract class View {
  /** Where each finished step's result came from. */
  readonly finished = new Map<string, From>();
  /** How long each step ran that did. */
  readonly seconds: Record<string, number> = {};
  protected readonly begun = new Map<string, number>();
  protected readonly failed = new Set<string>();
  private readonly started = performance.now();
  /** Whether any step had to run. */
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

  /** How long the whole has taken until now, in words. */
  protected sofar(): string {
    return formatSeconds((performance.now() - this.started) / 1000);
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
