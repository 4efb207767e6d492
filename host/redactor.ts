import { open, rm } from "node:fs/promises";

import { brokenWays, endsTextOf } from "./brokenForms";
import { BeginningIndex } from "./beginningIndex";
import { base64Pieces } from "./encodedForms";
import { partsOf, SHORTEST, waysOf } from "./secretForms";
import { beginningsOf, longestOf, type Matcher, matcherOf } from "./spelling";
import { shownOf } from "./terminal";

const MASK = "***";
/** Bytes of a file that are read at a time. */
const CHUNK = 2 ** 20;
/** Where a program of the builder has cut a line or a log for its length (stage.py): a secret that only begins there is one, too. */
const CUT = /…(?=\n|$)|\n?\[lines are left out here/g;
/** Characters by which a form writes one of a secret down, as `\\U0000006b`: the cut may be within them. */
const LONGEST_UNIT = 10;
/** Bytes of what a terminal does not show that may stand within a secret. */
const UNSHOWN = 4096;

/** Takes secrets out of text, in every form of the list in secretForms.ts. Of a secret of several lines, each line is one. */
export class Redactor {
  private readonly patterns = new BeginningIndex<Matcher>();
  private readonly beginnings = new BeginningIndex<(text: string, at: number) => boolean>();
  private readonly secrets: readonly string[];
  /** Whether a character belongs to a secret is decided by at most so many characters before and after it. */
  readonly reach: number;

  /**
   * @param secrets what must not be seen; those of less than four bytes are left alone
   * @param unit of the texts: characters, or bytes (latin1)
   */
  constructor(secrets: Iterable<string>, unit: "text" | "bytes" = "text") {
    this.secrets = [...secrets];
    const parts = this.secrets.flatMap((secret) => partsOf(secret, SHORTEST.masked));
    const ways = parts.flatMap((text) => [
      ...waysOf(text, unit),
      ...base64Pieces(text),
      ...brokenWays(text, unit),
    ]);
    for (const way of ways) {
      this.patterns.add(beginningsOf(way), matcherOf(way));
      if (way.between) this.beginnings.add(beginningsOf(way), endsTextOf(way));
    }
    this.reach = Math.max(1, ...ways.map(longestOf)) - 1;
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

  /** Whether a secret that goes on in the next line may have begun at the end of this text. */
  endsInSecret(text: string): boolean {
    return this.secretAtEnd(text) !== undefined;
  }

  /** Where that secret begins. */
  private secretAtEnd(text: string): number | undefined {
    let start: number | undefined;
    this.beginnings.scan(text, (at, values) => {
      if (start === undefined && values.some((endsText) => endsText(text, at))) start = at;
    });
    return start;
  }

  /** Where secrets stand in a text: start and end of each stretch, in order, without overlaps. */
  find(text: string): [number, number][] {
    const found: [number, number][] = [];
    this.patterns.scan(text, (at, patterns) => {
      for (const pattern of patterns) {
        const end = pattern(text, at);
        if (end >= 0) found.push([at, end]);
      }
    });
    for (const { index } of text.matchAll(CUT)) {
      const from = Math.max(0, index - this.reach);
      for (let end = index; end > index - LONGEST_UNIT; end--) {
        const start = this.secretAtEnd(text.slice(from, end));
        if (start !== undefined) found.push([from + start, index]);
      }
    }
    found.sort(([one], [other]) => one - other);
    const merged: [number, number][] = [];
    for (const [start, end] of found) {
      const last = merged.at(-1);
      if (last && start <= last[1]) last[1] = Math.max(last[1], end);
      else merged.push([start, end]);
    }
    return merged;
  }

  /** The same of the bytes of a file, also where a terminal would show a secret in them. */
  findShown(text: string): [number, number][] {
    const shown = shownOf(text);
    const stretches = this.find(shown.text).map(([start, end]): [number, number] => {
      const at = shown.at.slice(start, end);
      return [Math.min(...at), Math.max(...at) + 1];
    });
    return shown.text.length === text.length ? stretches : [...this.find(text), ...stretches];
  }

  /**
   * Overwrites secrets in a file with as many asterisks, in place: that works on a full disk too. A file that cannot be
   * overwritten is deleted.
   */
  async redactFile(path: string): Promise<void> {
    if (this.secrets.length === 0) return;
    const bytes = new Redactor(this.secrets, "bytes");
    try {
      const file = await open(path, "r+");
      try {
        const buffer = Buffer.alloc(CHUNK + bytes.reach + UNSHOWN);
        for (let offset = 0; ; offset += CHUNK) {
          const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
          const text = buffer.toString("latin1", 0, bytesRead);
          for (const [start, end] of bytes.findShown(text)) {
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

  /** Whether what was taken so far may end in the first part of a secret. */
  get endsInSecret(): boolean {
    return this.redactor.endsInSecret(this.text);
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
    if (until <= this.passed) return "";
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
