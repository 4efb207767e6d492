/** A way in which programs write a text down, as a pattern for JavaScript and Python's `re` alike, and as what looks for it at one place. */
export interface Way {
  readonly form: FormName;
  /** Its stretches: of each, one of several texts has to stand there; the longest first. */
  readonly parts: readonly Part[];
  /** What may stand between them. With it, none of the texts of a stretch is the beginning of another. */
  readonly between?: Gap;
  /** What belongs to it if it stands behind them. */
  readonly after?: Gap;
}

export type FormName =
  | "plain"
  | "JSON-escaped"
  | "URL-escaped"
  | "XML-escaped"
  | "shell-quoted"
  | "base64"
  | "hexadecimal"
  | "decimal"
  | "octal";

export type Part = readonly string[];

export interface Gap {
  /** Of regular expressions, of which one may match. */
  readonly sources: readonly string[];
  /** Its first two characters; one, where a second may be any. */
  readonly begins: readonly string[];
  readonly longest: number;
}

export interface SecretForm {
  readonly form: FormName;
  /** Source of a regular expression; without flags, anchors, and groups that capture. */
  readonly pattern: string;
  /** The most characters, or bytes, that it can match. */
  readonly longest: number;
}

/** What a way is looked for in: text, or bytes (in JavaScript a latin1 string). */
export type Unit = "text" | "bytes";

export function part(texts: readonly string[], unit: Unit): Part {
  const written = texts.map((t) => (unit === "text" ? t : Buffer.from(t).toString("latin1")));
  return [...new Set(written)].sort((a, b) => b.length - a.length);
}

/**
 * A way's patterns, one for each text with which it can begin: expression engines look for a fixed beginning ten times as fast as for
 * one of several.
 */
export function patternsOf(way: Way): SecretForm[] {
  const [first = [], ...rest] = way.parts;
  const optional = (gap: Gap | undefined) => (gap ? `(?:${gap.sources.join("|")})?` : "");
  const gap = optional(way.between);
  const tail = rest.map((one) => gap + alternatives(one)).join("") + optional(way.after);
  const longest = longestOf(way);
  return first.map((text) => ({ form: way.form, pattern: asSource(text) + tail, longest }));
}

export const longestOf = ({ parts, between, after }: Way): number =>
  parts.reduce((sum, [text]) => sum + text!.length, 0) +
  (parts.length - 1) * (between?.longest ?? 0) +
  (after?.longest ?? 0);

/** The first three characters that it can have; two, where a third may be any. */
export const beginningsOf = (way: Way): Set<string> => new Set(beginnings(way, 0, 3));

function beginnings(way: Way, from: number, most: number): string[] {
  const { parts, between } = way;
  return (parts[from] ?? [""]).flatMap((text) => {
    const left = most - text.length;
    if (left <= 0 || from >= parts.length) return [text.slice(0, most)];
    const next = beginnings(way, from + 1, left);
    const gaps = (between?.begins ?? []).map((begin) => begin.slice(0, left));
    return [...next, ...gaps].map((rest) => text + rest);
  });
}

/** Looks for something at one place of a text. @returns where it ends; -1 where it is not there */
export type Matcher = (text: string, at: number) => number;

/** Of a way with gaps, an expression would be so large that a few hundred of them do not fit into an engine's memory. */
export function matcherOf(way: Way): Matcher {
  if (!way.between) return sticky(way.parts.map(alternatives).join(""));
  const after = way.after ? way.after.sources.map(sticky) : [];
  const step = stepOf(way.between);
  return (text, at) => {
    let end = textAt(text, at, way.parts[0]!);
    for (let index = 1; end >= 0 && index < way.parts.length; index++) {
      end = step(text, end, way.parts[index]!);
    }
    return end < 0 ? end : Math.max(end, ...after.map((match) => match(text, end)));
  };
}

/** Goes from the end of one stretch to that of the next. */
export function stepOf(between: Gap): (text: string, at: number, part: Part) => number {
  const gaps = between.sources.map(sticky);
  return (text, at, next) => {
    const direct = textAt(text, at, next);
    if (direct >= 0) return direct;
    for (const gap of gaps) {
      const behind = gap(text, at);
      const end = behind < 0 ? -1 : textAt(text, behind, next);
      if (end >= 0) return end;
    }
    return -1;
  };
}

export const textAt = (text: string, at: number, part: Part): number => {
  for (const one of part) if (text.startsWith(one, at)) return at + one.length;
  return -1;
};

export function sticky(source: string): Matcher {
  const expression = new RegExp(source, "y");
  return (text, at) => {
    expression.lastIndex = at;
    return expression.test(text) ? expression.lastIndex : -1;
  };
}

const alternatives = (texts: Part) =>
  texts.length === 1 ? asSource(texts[0]!) : `(?:${texts.map(asSource).join("|")})`;

/** By UTF-16 units, as JavaScript reads it; what is for Python has bytes only. */
const asSource = (text: string) =>
  unitsOf(text)
    .map((code) => {
      const character = String.fromCharCode(code);
      if (/[A-Za-z0-9]/.test(character)) return character;
      return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
    })
    .join("");

export const unitsOf = (text: string) => text.split("").map((unit) => unit.charCodeAt(0));
const hex = (code: number, digits: number) => code.toString(16).padStart(digits, "0");

/** Numbers in hexadecimal, one behind the other: with small letters, and with capital ones. */
export const bothCases = (codes: readonly number[], prefix: string, digits: number) => {
  const lower = codes.map((code) => hex(code, digits));
  return [lower, lower.map((text) => text.toUpperCase())].map((all) =>
    all.map((text) => prefix + text).join(""),
  );
};
