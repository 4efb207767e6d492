import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";

/** Bytes of a log: a script that prints without end must not fill the disk. */
export const LONGEST_LOG = 32 * 2 ** 20;

/**
 * A log, written line by line. One that becomes too long keeps its first half and its latest lines. Lines that cannot be written are
 * lost without an error: a log must not make a run fail. The class `Log` of stage.py, for programs in containers, writes the same,
 * byte for byte.
 */
export class LogFile {
  private readonly descriptor: number;
  private bytes: number;
  /** Bytes of the part that is kept for good; undefined until the log is half full. */
  private beginning?: number;
  private closed = false;

  constructor(
    path: string,
    private readonly longest = LONGEST_LOG,
  ) {
    this.descriptor = openSync(path, "a", 0o600);
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
      // most likely the disk is full, for which the guard of the container ends the stage
    }
  }

  close(): void {
    if (!this.closed) closeSync(this.descriptor);
    this.closed = true;
  }
}
