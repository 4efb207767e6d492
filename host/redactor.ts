import { open, rm } from "node:fs/promises";

/** Characters; what is shorter would be found by chance in every second line. */
const SHORTEST = 4;
const MASK = "***";
/** Bytes of a file that are looked at at once. */
const CHUNK = 2 ** 20;

/**
 * Takes secrets out of text, in the forms in which programs print them: plain, base64 (wherever the secret stands in what was
 * encoded), URL-escaped and JSON-escaped. Of a secret of several lines, each line is one.
 */
export class Redactor {
  private readonly patterns: readonly string[];
  private readonly secrets: readonly string[];
  /** How many characters before or after one can decide whether it belongs to a secret. */
  readonly reach: number;

  /**
   * @param secrets what must not be seen; those of less than four characters are left alone
   * @param encode how characters stand in the texts
   */
  constructor(secrets: Iterable<string>, encode = (text: string) => text) {
    this.secrets = [...secrets];
    const lines = this.secrets.flatMap((secret) => [secret, ...secret.split(/[\r\n]+/)]);
    const parts = lines.map((line) => line.trim()).filter((line) => line.length >= SHORTEST);
    const patterns = parts.flatMap(formsOf).filter((pattern) => !/[\r\n]/.test(pattern));
    this.patterns = [...new Set(patterns.map(encode))];
    this.reach = Math.max(1, ...this.patterns.map(({ length }) => length)) - 1;
  }

  /** A text that is whole. */
  redact(text: string): string {
    const stream = this.stream();
    return stream.write(text) + stream.end();
  }

  /** For a text that comes in pieces: however it is cut, the result is the same. */
  stream(): RedactedStream {
    return new RedactedStream(this);
  }

  /** Where secrets stand in a text: start and end of each stretch, in order, without overlaps. */
  find(text: string): [number, number][] {
    const found: [number, number][] = [];
    for (const pattern of this.patterns) {
      for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) {
        found.push([at, at + pattern.length]);
      }
    }
    found.sort(([a], [b]) => a - b);
    const merged: [number, number][] = [];
    for (const [start, end] of found) {
      const last = merged.at(-1);
      if (last && start <= last[1]) last[1] = Math.max(last[1], end);
      else merged.push([start, end]);
    }
    return merged;
  }

  /**
   * Overwrites secrets in a file with as many asterisks, in place: that works on a full disk too. A file that cannot be
   * overwritten is deleted.
   */
  async redactFile(path: string): Promise<void> {
    if (this.patterns.length === 0) return;
    const bytes = new Redactor(this.secrets, asBytes);
    try {
      const file = await open(path, "r+");
      try {
        const buffer = Buffer.alloc(CHUNK + bytes.reach);
        for (let offset = 0; ; offset += CHUNK) {
          const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
          const text = buffer.toString("latin1", 0, bytesRead);
          for (const [start, end] of bytes.find(text)) {
            await file.write("*".repeat(end - start), offset + start, "latin1");
          }
          if (bytesRead < buffer.length) return;
        }
      } finally {
        await file.close();
      }
    } catch {
      await rm(path, { force: true });
    }
  }
}

/** A text in pieces on its way through a {@link Redactor}. */
export class RedactedStream {
  /** What was passed on, as far as it still matters, and what is held back. */
  private text = "";
  private passed = 0;
  /** Whether the last character that was passed on belonged to a secret. */
  private masking = false;

  constructor(private readonly redactor: Redactor) {}

  /** Takes the next piece and returns what is certain by now. */
  write(piece: string): string {
    this.text += piece;
    return this.pass(Math.max(this.passed, this.text.length - this.redactor.reach));
  }

  /** The rest; what follows is a new text. */
  end(): string {
    const rest = this.pass(this.text.length);
    this.text = "";
    this.passed = 0;
    this.masking = false;
    return rest;
  }

  private pass(until: number): string {
    let result = "";
    let at = this.passed;
    for (const [start, end] of this.redactor.find(this.text)) {
      if (end <= at) continue;
      if (start >= until) break;
      if (start > at) {
        result += this.text.slice(at, start);
        this.masking = false;
      }
      if (!this.masking) result += MASK;
      this.masking = true;
      at = Math.min(end, until);
    }
    if (at < until) {
      result += this.text.slice(at, until);
      this.masking = false;
    }
    const forgotten = Math.max(0, until - this.redactor.reach);
    this.text = this.text.slice(forgotten);
    this.passed = until - forgotten;
    return result;
  }
}

const asBytes = (text: string) => Buffer.from(text).toString("latin1");

function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = (text: string, which: RegExp) =>
    text.replace(which, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [
    secret,
    ...urlForms(secret),
    json,
    json.replaceAll("/", "\\/"),
    ascii(json, /[\u007f-\uffff]/g),
    // Go's encoder, that of Packer and Pulumi, writes these three as numbers too
    ascii(json, /[<>&]/g),
    ascii(json, /[<>&\u007f-\uffff]/g),
    ...base64Forms(Buffer.from(secret)),
  ];
}

function urlForms(secret: string): string[] {
  const lenient = encodeURIComponent(secret.toWellFormed());
  const strict = lenient.replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const upper = [lenient, strict, strict.replaceAll("%20", "+")];
  return [...upper, ...upper.map((form) => form.replace(/%../g, (code) => code.toLowerCase()))];
}

/** A secret begins at one of three positions within a group of four characters; at both ends, characters are shared with what stands beside it. */
function base64Forms(secret: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), secret]).toString("base64");
    const own = whole.slice([0, 2, 3][shift], Math.floor(((secret.length + shift) * 8) / 6));
    return [own, own.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
