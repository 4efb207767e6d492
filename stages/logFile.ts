import { closeSync, openSync, writeSync } from "node:fs";

/** Bytes after which a log is cut: a script that prints without end must not fill the disk. */
const LONGEST = 32 * 2 ** 20;

/** A log, written line by line. What the disk does not take is lost; the run itself goes on, or fails for a reason of its own. */
export class LogFile {
  private readonly descriptor: number;
  private bytes = 0;
  private closed = false;

  constructor(path: string) {
    this.descriptor = openSync(path, "a");
  }

  write(line: string): void {
    if (this.closed || this.bytes > LONGEST) return;
    this.bytes += line.length + 1;
    const text = this.bytes > LONGEST ? "[the log is cut here: it became too long]" : line;
    try {
      writeSync(this.descriptor, text + "\n");
    } catch {
      // a full disk is noticed by whoever watches it
    }
  }

  close(): void {
    if (!this.closed) closeSync(this.descriptor);
    this.closed = true;
  }
}
