import { type RedactedStream, Redactor } from "./redactor";

/** The longest line that is passed on; the reader of a command resource hangs at 64 KiB. */
const LONGEST = 4096;

/** Escape sequences, then what else would move a terminal's cursor, but for line ends and tabs. */
// eslint-disable-next-line no-control-regex
const CONTROL = /\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;
/** The beginning of an escape sequence, or of a line end of two characters. */
// eslint-disable-next-line no-control-regex
const UNFINISHED = /\x1b(\[[0-9;?]{0,32})?$|\r$/;

/**
 * Cuts a stream of bytes into lines: carriage returns end a line too, endless lines are cut, control characters are dropped. Secrets
 * are taken out before a line is cut, so that no cut can go through one.
 */
export class LineSplitter {
  /** What may be the beginning of something that has to be seen as a whole. */
  private held = "";
  private rest = "";
  private readonly decoder = new TextDecoder();

  private readonly redacted: RedactedStream;

  constructor(
    private readonly onLine: (line: string) => void,
    redactor = new Redactor([]),
  ) {
    this.redacted = redactor.stream();
  }

  write(chunk: Uint8Array): void {
    const text = this.held + this.decoder.decode(chunk, { stream: true });
    this.held = UNFINISHED.exec(text)?.[0] ?? "";
    this.take(text.slice(0, text.length - this.held.length));
  }

  end(): void {
    this.take(this.held + this.decoder.decode());
    this.add(this.redacted.end());
    if (this.rest) this.onLine(this.rest.trimEnd());
    this.held = this.rest = "";
  }

  private take(text: string): void {
    const lines = text.split(/\r\n|\n|\r/).map((line) => line.replace(CONTROL, ""));
    lines.forEach((line, index) => {
      this.add(this.redacted.write(line));
      if (index === lines.length - 1) return;
      this.add(this.redacted.end());
      this.onLine(this.rest.trimEnd());
      this.rest = "";
    });
  }

  private add(text: string): void {
    this.rest += text;
    for (; this.rest.length > LONGEST; this.rest = this.rest.slice(LONGEST)) {
      this.onLine(this.rest.slice(0, LONGEST));
    }
  }
}
