import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";

/** Bytes of a log: a script that prints without end must not fill the disk. */
export const LONGEST_LOG = 32 * 2 ** 20;

/**
 * A log, written line by line. One that becomes too long keeps its beginning, half of the room, and its latest lines. What the disk
 * does not take is lost; the run itself goes on, or fails for a reason of its own. What a container logs by itself, stage.py's `Log`,
 * becomes the same, to the byte.
 */
export class LogFile {
  private readonly descriptor: number;
  private bytes: number;
  /** Where the beginning ends, once that half is full. */
  private beginning?: number;
  private closed = false;

  constructor(
    path: string,
    private readonly longest = LONGEST_LOG,
  ) {
    this.descriptor = openSync(path, "a");
    this.bytes = fstatSync(this.descriptor).size;
  }

  write(line: string): void {
    if (this.closed) return;
    const text = Buffer.from(`${line}\n`);
    try {
      const end = this.bytes + text.length;
      if (end > this.longest / 2) this.beginning ??= this.bytes;
      if (end > this.longest) {
        ftruncateSync(this.descriptor, this.beginning);
        this.bytes = this.beginning!;
        this.bytes += writeSync(this.descriptor, "[lines are left out here: they were too many]\n");
      }
      this.bytes += writeSync(this.descriptor, text);
    } catch {
      // a full disk is noticed by whoever watches it
    }
  }

  close(): void {
    if (!this.closed) closeSync(this.descriptor);
    this.closed = true;
  }
}
