/** The longest line that is passed on; the reader of a command resource hangs at 64 KiB. */
const LONGEST = 4096;

/** Cuts a stream of bytes into lines: carriage returns end a line too, endless lines are cut, control characters are dropped. */
export class LineSplitter {
  private rest = "";
  private readonly decoder = new TextDecoder();

  constructor(private readonly onLine: (line: string) => void) {}

  write(chunk: Uint8Array): void {
    const parts = (this.rest + this.decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r/);
    this.rest = parts.pop()!;
    for (const part of parts) this.emit(part);
    while (this.rest.length > LONGEST) {
      this.emit(this.rest.slice(0, LONGEST));
      this.rest = this.rest.slice(LONGEST);
    }
  }

  end(): void {
    if (this.rest) this.emit(this.rest);
    this.rest = "";
  }

  private emit(text: string): void {
    // escape sequences first, then what else would move a terminal's cursor
    // eslint-disable-next-line no-control-regex
    const clean = text.replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, "").trimEnd();
    for (let at = 0; at === 0 || at < clean.length; at += LONGEST) {
      this.onLine(clean.slice(at, at + LONGEST));
    }
  }
}
