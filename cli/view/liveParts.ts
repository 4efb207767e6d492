import type { ListrTask } from "listr2";

import { formatSeconds } from "../../plan/units";
import { liveLine, type LiveLine } from "./liveLine";

interface Part {
  readonly name: string;
  readonly line: LiveLine;
  /** performance.now() when it began. */
  from?: number;
  isOver: boolean;
}

/** The user's steps below the line of the stage that runs them, one after the other. */
export class LiveParts {
  private readonly parts: readonly Part[];
  private current: Part | undefined;

  /** @param titles what people call them */
  constructor(titles: readonly string[]) {
    this.parts = titles.map((title, index) => {
      const name = `  ${String(index + 1).padStart(String(titles.length).length)} ${title}`;
      const isReached = () => part.isOver || part.from !== undefined;
      const part: Part = { name, isOver: false, line: liveLine(name, isReached) };
      return part;
    });
  }

  get tasks(): ListrTask[] {
    return this.parts.map(({ line }) => line.task);
  }

  /**
   * A step has begun, or something else after one: what ran before is done, and those before it that never began are kept from an
   * earlier build.
   *
   * @param number of the step, from 1; undefined where something else has begun
   */
  reach(number: number | undefined): void {
    if (this.current) this.finish(this.current);
    this.current = undefined;
    if (number === undefined) return;
    for (const part of this.parts.slice(0, number - 1)) this.finish(part);
    const part = this.parts[number - 1];
    if (!part || part.isOver) return;
    part.from = performance.now();
    part.line.begin();
    this.current = part;
  }

  /** The stage is done, and so are all of its steps. */
  end(): void {
    for (const part of this.parts) this.finish(part);
  }

  /** The stage has failed, and with it the step that ran. */
  fail(): void {
    if (!this.current) return;
    this.current.isOver = true;
    this.current.line.fail(`${this.current.name}  failed`);
    this.current = undefined;
  }

  draw(): void {
    const { current } = this;
    current?.line.title(`${current.name}  ${elapsed(current)}`);
  }

  /** Nothing follows: what never began was not reached. */
  close(): void {
    for (const { line } of this.parts) line.end();
  }

  private finish(part: Part): void {
    if (part.isOver) return;
    part.isOver = true;
    part.line.end(`${part.name}  ${part.from === undefined ? "kept" : elapsed(part)}`);
  }
}

const elapsed = ({ from = 0 }: Part) => formatSeconds((performance.now() - from) / 1000);
