/**
 * The one list of the forms in which programs write a secret down. The redactor masks them; the search of a disk image, a Python
 * program, is handed them with its job. So their patterns are such that JavaScript and Python's `re` read alike.
 */

/** Bytes. What is shorter would be masked by chance in every second line, or found by chance on every disk. */
export const SHORTEST = { masked: 4, searched: 6 } as const;

export interface SecretForm {
  readonly form: FormName;
  /** Source of a regular expression; without flags, anchors, and groups that capture. */
  readonly pattern: string;
  /** The most characters, or bytes, that it can match. */
  readonly longest: number;
}

type FormName =
  | "plain"
  | "JSON-escaped"
  | "URL-escaped"
  | "XML-escaped"
  | "shell-quoted"
  | "base64"
  | "hexadecimal";

/** What the patterns are applied to: text, or bytes (in JavaScript a latin1 string). */
type Unit = "text" | "bytes";

/** A stretch of a pattern: sources of which one has to match, and the most that it can match. */
interface Part {
  readonly sources: readonly string[];
  readonly longest: number;
}

/**
 * The parts of a secret that are recognised one by one: each line of a longer one, such as a private key, since they may be indented
 * or joined where they are kept.
 *
 * @param shortest bytes
 */
export function partsOf(secret: string, shortest: number): string[] {
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
  return [...new Set(lines)].filter((line) => Buffer.byteLength(line) >= shortest);
}

/** What a disk is searched for, see builder/…/secret_scan.py. */
export interface SecretSearch {
  /** What each pattern of bytes would be: which form of which secret. */
  readonly patterns: readonly (SecretForm & { readonly secret: string })[];
  /** Names of the secrets that cannot be told from chance. */
  readonly tooShort: readonly string[];
}

/** @param secrets by the names by which hits are reported */
export function searchFor(secrets: Readonly<Record<string, string>>): SecretSearch {
  const parts = Object.entries(secrets).map(([secret, text]) => ({
    secret,
    own: partsOf(text, SHORTEST.searched).filter((line) => !OF_EVERY_KEY.test(line)),
  }));
  return {
    patterns: parts.flatMap(({ secret, own }) =>
      own.flatMap((text) => formsOf(text, "bytes").map((form) => ({ secret, ...form }))),
    ),
    tooShort: parts.flatMap(({ secret, own }) => (own.length === 0 ? [secret] : [])),
  };
}

/** The armour of a private key, and "openssh-key-v1" in base64: the first line of such a key only says of which kind it is. */
const OF_EVERY_KEY = /^-----|^b3BlbnNzaC1rZXktdjE/;

/** The forms of a text of one line, the plain one first. A pattern that two forms share is listed once. */
export function formsOf(text: string, unit: Unit): SecretForm[] {
  const bytes = Buffer.from(text);
  const escaped = (spell: (character: string) => string[]) =>
    [...text].map((c) => part(/[A-Za-z0-9]/.test(c) ? [c] : [c, ...spell(c)], unit));
  const forms = [
    ...formOf(
      "plain",
      escaped(() => []),
    ),
    ...formOf("JSON-escaped", escaped(inJson)),
    ...formOf("URL-escaped", escaped(inUrl)),
    ...formOf("XML-escaped", escaped(inXml)),
    ...formOf("shell-quoted", escaped(inShell)),
    ...[0, 1, 2].flatMap((shift) => formOf("base64", base64(bytes, shift), WRAPPED)),
    ...formOf("hexadecimal", hexadecimal(bytes), WRAPPED_OR_SPACED),
  ];
  return [...new Set(forms.map(({ pattern }) => pattern))].map((pattern) =>
    forms.find((form) => form.pattern === pattern)!,
  );
}

/** Of a longer secret, for texts that are looked through line by line: pieces of its base64. Where a line ends in one, others are whole. */
export function base64Pieces(text: string): SecretForm[] {
  return [0, 1, 2].flatMap((shift) => {
    const parts = base64(Buffer.from(text), shift);
    const count =
      parts.length < 2 * PIECE.least ? 0 : Math.max(2, Math.floor(parts.length / PIECE.usual));
    const start = (index: number) => Math.floor((parts.length * index) / count);
    return Array.from({ length: count }, (_, index) =>
      formOf("base64", parts.slice(start(index), start(index + 1))),
    ).flat();
  });
}

/**
 * For texts that are looked through: the secret as it stands, broken by a line end anywhere, as where lines are cut at a width; and what
 * the end of a line may be the first part of: of that, of base64, of hexadecimal.
 */
export function brokenForms(text: string, unit: Unit): { forms: SecretForm[]; begun: string[] } {
  const bytes = Buffer.from(text);
  const plain = [...text].map((character) => part([character], unit));
  const ways: [FormName, readonly Part[], Part][] = [
    ["plain", plain, BROKEN],
    ...[0, 1, 2].map((shift): (typeof ways)[number] => ["base64", base64(bytes, shift), WRAPPED]),
    ["hexadecimal", hexadecimal(bytes), WRAPPED_OR_SPACED],
  ];
  // too few parts at a line's end are let go: then the next line has all others
  const all = ways
    .flatMap(([form, parts, between]) =>
      Array.from({ length: BEGUN.least }, (_, late) => ({
        form,
        rest: parts.slice(late),
        between,
        late,
      })),
    )
    .filter(({ rest, late }) => late === 0 || rest.length >= BEGUN.left);
  return {
    forms: all
      .filter(({ form, late }) => late > 0 || form === "plain")
      .flatMap(({ form, rest, between }) => formOf(form, rest, between)),
    begun: all.map(({ rest, between }) => beginningOf(rest, between)).filter(Boolean),
  };
}

const BROKEN: Part = { sources: [`\\r?\\n`, ``], longest: 2 };

/** Parts of a form; fewer at a line's end stand there by chance. What is longer is not looked for: pieces of base64 have to do. */
const BEGUN = { least: 4, most: 400, left: 8 };

/** A pattern of what ends in the first parts of a form, but not in all of them; empty where there are too few. */
function beginningOf(parts: readonly Part[], between: Part): string {
  const sources = parts.slice(0, BEGUN.most).map(alternatives);
  if (sources.length <= BEGUN.least) return "";
  const gap = alternatives(between);
  const more = sources.slice(BEGUN.least, -1);
  const rest = more.reduceRight((inner, source) => `(?:${gap}${source}${inner})?`, "");
  return `${sources.slice(0, BEGUN.least).join(gap)}${rest}$`;
}

/** Characters; fewer of them could stand there by chance. */
const PIECE = { least: 12, usual: 20 };

/**
 * A form's patterns, one for each way in which it can begin: expression engines look for a fixed beginning ten times as fast as for
 * one of several.
 */
function formOf(form: FormName, parts: readonly Part[], between?: Part): SecretForm[] {
  const [first, ...rest] = parts;
  const spaced = between ? rest.flatMap((one) => [between, one]) : rest;
  const tail = spaced.map(alternatives);
  const longest = [first!, ...spaced].reduce((sum, one) => sum + one.longest, 0);
  return first!.sources.map((source) => ({ form, pattern: source + tail.join(""), longest }));
}

const alternatives = ({ sources }: Part) =>
  sources.length === 1 ? sources[0]! : `(?:${sources.join("|")})`;

/** One of several texts; the longest is tried first. */
function part(texts: readonly string[], unit: Unit): Part {
  const written = texts.map((t) => (unit === "text" ? t : Buffer.from(t).toString("latin1")));
  const sorted = [...new Set(written)].sort((a, b) => b.length - a.length);
  return { sources: sorted.map(asSource), longest: sorted[0]!.length };
}

/** By UTF-16 units, as JavaScript reads it; what is for Python has bytes only. */
const asSource = (text: string) =>
  unitsOf(text)
    .map((code) => {
      const character = String.fromCharCode(code);
      if (/[A-Za-z0-9]/.test(character)) return character;
      return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
    })
    .join("");

const unitsOf = (text: string) => text.split("").map((unit) => unit.charCodeAt(0));
const hex = (code: number, digits: number) => code.toString(16).padStart(digits, "0");
const bothCases = (codes: readonly number[], prefix: string, digits: number) => {
  const lower = codes.map((code) => hex(code, digits));
  return [lower, lower.map((text) => text.toUpperCase())].map((all) =>
    all.map((text) => prefix + text).join(""),
  );
};

/** After the backslash. */
const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\b": "b", "\f": "f", "\t": "t" };

/**
 * JavaScript's JSON, Go's and .NET's (`<`, `>` and `&` as numbers), PHP's (`\/`), Python's (ASCII only), and what YAML adds between
 * double quotes: `\xfc`, `\U0001f600`.
 */
function inJson(character: string): string[] {
  const point = character.codePointAt(0)!;
  const short = SHORT_ESCAPES[character] ?? (`"'\\/`.includes(character) ? character : undefined);
  return [
    ...(short ? [`\\${short}`] : []),
    ...bothCases(unitsOf(character), "\\u", 4),
    ...(point < 0x100 ? bothCases([point], "\\x", 2) : []),
    ...(point > 0xffff ? bothCases([point], "\\U", 8) : []),
  ];
}

const inUrl = (character: string) => [
  ...bothCases([...Buffer.from(character)], "%", 2),
  ...(character === " " ? ["+"] : []),
];

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" },
};

/** By name where XML has one, by number with and without zeros before it. */
function inXml(character: string): string[] {
  const point = character.codePointAt(0)!;
  const numbers = [2, 4].flatMap((digits) =>
    ["&#x", "&#X"].flatMap((prefix) => bothCases([point], prefix, digits)),
  );
  return [
    ...(ENTITIES[character] ? [ENTITIES[character]] : []),
    ...[`&#${point}`, `&#0${point}`, ...numbers].map((number) => `${number};`),
  ];
}

/** A byte as `cat -v` shows it. */
function visibly(byte: number): string {
  if (byte >= 0x80) return `M-${visibly(byte - 0x80)}`;
  if (byte === 0x7f) return "^?";
  return byte < 0x20 ? `^${String.fromCharCode(byte + 0x40)}` : String.fromCharCode(byte);
}

/**
 * Backslashes as `printf %q` writes them, those of coreutils between quotes (`'$'\t''`), quotes inside of quotes ('\'' and '"'"'), bytes as `$'\303\274'` and `b'\xc3\xbc'`; signs
 * that are doubled, as `'` is in SQL, `%` in units of systemd and `$` in compose files.
 */
function inShell(character: string): string[] {
  const bytes = [...Buffer.from(character)];
  const short = `\\${SHORT_ESCAPES[character] ?? character}`;
  const octal = bytes.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  const unprintable = /[^\x20-\x7e]/.test(character);
  return [
    short,
    octal,
    ...bothCases(bytes, "\\x", 2),
    ...(unprintable
      ? [short, octal].flatMap((escape) => [`'$'${escape}''`, `'$'${escape}`, `${escape}''`])
      : []),
    ...(unprintable ? [bytes.map(visibly).join("")] : []),
    // the last one at both ends of several, which dash puts between one pair
    ...(character === "'" ? [`'\\''`, `'"'"'`, `'"'`] : []),
    ...(`'"%$`.includes(character) ? [character + character] : []),
  ];
}

/** Where encoded text is cut into lines, indented, quoted or commented ones, too; `\n` within JSON. */
const WRAPPED: Part = {
  sources: [`["']?[\\x20\\x5c]{0,2}\\r?\\n[\\x20\\x09#>]{0,16}["']?`, `\\x5cn`, ``],
  longest: 22,
};
/** Between the lines of `od`, `xxd` and `hexdump -C`: perhaps a column of text, then the next line's offset. */
const DUMP = `(?:\\x20{2,}[^\\n]{1,18})?\\r?\\n[0-9a-fA-F]{7,8}:?\\x20{1,2}`;
const WRAPPED_OR_SPACED: Part = {
  sources: [DUMP.replace("{2,}", "{2,32}"), `[\\x20:]{1,2}`, ...WRAPPED.sources],
  longest: 62,
};

/**
 * Wherever the secret stands in what was encoded, it begins at one of three positions within a group of four characters; at both ends,
 * characters are shared with what stands beside it.
 */
function base64(secret: Buffer, shift: number): Part[] {
  const whole = Buffer.concat([Buffer.alloc(shift), secret]).toString("base64");
  const own = whole.slice([0, 2, 3][shift], Math.floor(((secret.length + shift) * 8) / 6));
  const spellings: Readonly<Record<string, string[]>> = {
    "+": ["+", "-", "%2B", "%2b", "\\u002b", "\\u002B"],
    "/": ["/", "_", "\\/", "%2F", "%2f"],
  };
  return [...own].map((character) => part(spellings[character] ?? [character], "bytes"));
}

const hexadecimal = (secret: Buffer) =>
  [...secret].map((byte) => part(bothCases([byte], "", 2), "bytes"));
