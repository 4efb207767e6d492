import type { EngineEvent } from "../../engine/events";
import { formatSeconds } from "../../plan/units";
import { HEARTBEAT_SECONDS } from "../../run/phaseClock";
import { View } from "./view";

/** Longer than a stage is silent that is at work, so that what it tells of itself is not told twice. */
const SILENCE_SECONDS = HEARTBEAT_SECONDS + 4;

/** Plain lines, each with the time since the view began; where nothing is told for long, one that says so. */
export class PlainView extends View {
  private readonly timer = setInterval(() => this.beat(), 1000);
  private told = performance.now();

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
    this.out(`[${this.sofar()}] ${step ? `${step}: ` : ""}${text}\n`);
    this.told = performance.now();
  }

  private beat(): void {
    if (performance.now() - this.told < SILENCE_SECONDS * 1000) return;
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
