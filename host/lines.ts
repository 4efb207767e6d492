import { type RedactedStream, Redactor } from "./redactor";
import { overwritten, withoutEscapes } from "./terminal";

/** Characters of the longest line that is passed on. Pulumi's command provider hangs at a line of 64 KiB. */
const LONGEST = 4096;

/** Characters within which a backspace finds what it overwrites. */
const OVERWRITTEN = 1024;

/** At the end of a piece: what may be the first part of an escape sequence, or of the line end "\r\n". */
// oxlint-disable-next-line no-control-regex
const UNFINISHED = /\x1b(?:\[[0-?]{0,32}[ -/]{0,2}|\][^\x07\x1b\r\n]{0,256}\x1b?|[ -/]{0,2})?$|\r$/;

/**
 * Cuts a stream of bytes into lines: a carriage return ends a line too, a line that is too long is cut, control characters are
 * dropped, what is overwritten by backspaces is not shown. Secrets are masked before a line is cut: half of one would not be recognised.
 */
export class LineSplitter {
  /** The end of the last piece where it matched `UNFINISHED`; it is read again together with the next piece. */
  private held = "";
  /** The end of the line that is read, as far as backspaces may overwrite it. */
  private line = "";
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
    this.pass(this.line.length);
    this.add(this.redacted.end());
    if (this.rest) this.onLine(this.rest.trimEnd());
    this.held = this.rest = "";
  }

  private take(text: string): void {
    const lines = text.split(/\r\n|\n|\r/);
    lines.forEach((line, index) => {
      this.line += withoutEscapes(line);
      while (this.line.length > OVERWRITTEN) this.pass(OVERWRITTEN);
      if (index === lines.length - 1) return;
      this.pass(this.line.length);
      // a secret may go on in the next line; this one is held back until that is known
      this.add(this.redacted.endsInSecret ? this.redacted.write("\n") : this.redacted.end() + "\n");
    });
  }

  private pass(length: number): void {
    this.add(this.redacted.write(overwritten(this.line.slice(0, length))));
    this.line = this.line.slice(length);
  }

  private add(text: string): void {
    const [first = "", ...others] = text.split("\n");
    this.append(first);
    for (const line of others) {
      this.onLine(this.rest.trimEnd());
      this.rest = "";
      this.append(line);
    }
  }

  private append(text: string): void {
    this.rest += text;
    for (; this.rest.length > LONGEST; this.rest = this.rest.slice(LONGEST)) {
      this.onLine(this.rest.slice(0, LONGEST));
    }
  }
}
