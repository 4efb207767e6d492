import { counted, formatSeconds } from "../plan/units";
import type { LogFile } from "../host/logFile";

/** How long a stage at work is silent, at most. */
export const HEARTBEAT_SECONDS = 25;
/** Nobody can read more, and Pulumi keeps every line in memory. */
const LINES_A_SECOND = 50;
const CHARACTERS_A_SECOND = 4096;

/** Prints lines, keeps them with their time in the stage's log, measures phases, and speaks up when nothing was printed for a while. */
export class PhaseClock {
  private readonly started = performance.now();
  private readonly phases: { name: string; from: number }[] = [];
  private readonly timer: NodeJS.Timeout;
  /** The current second, the lines and characters printed in it, and the number of lines left out, which only the log has. */
  private second = 0;
  private lines = 0;
  private characters = 0;
  private held = 0;

  constructor(
    private readonly print: (line: string) => void,
    private readonly log: LogFile,
  ) {
    this.timer = setInterval(() => this.beat(), HEARTBEAT_SECONDS * 1000);
  }

  line(text: string): void {
    if (!text) return;
    const at = ((performance.now() - this.started) / 1000).toFixed(1).padStart(7);
    this.log.write(`${at} ${text}`);
    const opens = text.startsWith("» ");
    if (opens) this.phases.push({ name: text.slice(2), from: performance.now() });
    this.pass(text, opens);
    this.timer.refresh();
  }

  private pass(text: string, always: boolean): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.lines = this.characters = 0;
    }
    const enough = this.lines >= LINES_A_SECOND || this.characters >= CHARACTERS_A_SECOND;
    if (!always && enough) {
      this.held++;
      return;
    }
    this.tellHeld();
    this.lines++;
    this.characters += text.length;
    this.print(text);
  }

  private tellHeld(): void {
    if (this.held > 0) this.print(`… ${counted(this.held, "line")} more, in the log`);
    this.held = 0;
  }

  private beat(): void {
    const name = this.phases.at(-1)?.name ?? "start";
    this.print(`… ${name}, ${formatSeconds((performance.now() - this.started) / 1000)} so far`);
  }

  /** Ends the log; gives how long the whole and each phase took. */
  stop(): { seconds: number; phases: { name: string; seconds: number }[] } {
    clearInterval(this.timer);
    this.tellHeld();
    this.log.close();
    const end = performance.now();
    const seconds = (from: number, to: number) => Math.round((to - from) / 100) / 10;
    return {
      seconds: seconds(this.started, end),
      phases: this.phases.map((phase, i) => ({
        name: phase.name,
        seconds: seconds(phase.from, this.phases[i + 1]?.from ?? end),
      })),
    };
  }
}
