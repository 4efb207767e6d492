/**
 * The one list of the forms in which programs write a secret down. The redactor masks them; the search of a disk image, a Python
 * program, is handed them with its job. So their patterns are such that JavaScript and Python's `re` read alike.
 */
import { encoded } from "./encodedForms";
import {
  bothCases,
  part,
  type Part,
  patternsOf,
  type SecretForm,
  type Unit,
  unitsOf,
  type Way,
} from "./spelling";

/** Bytes. What is shorter would be masked by chance in every second line, or found by chance on every disk. */
export const SHORTEST = { masked: 4, searched: 6 } as const;

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
  const forms = new Map<string, SecretForm>();
  for (const one of waysOf(text, unit).flatMap(patternsOf)) {
    if (!forms.has(one.pattern)) forms.set(one.pattern, one);
  }
  return [...forms.values()];
}

export function waysOf(text: string, unit: Unit): Way[] {
  const escaped = (spell: (character: string) => string[]) =>
    [...text].map((c) => part(/[A-Za-z0-9]/.test(c) ? [c] : [c, ...spell(c)], unit));
  return [
    { form: "plain", parts: plainly(text, unit) },
    { form: "JSON-escaped", parts: escaped(inJson) },
    { form: "URL-escaped", parts: escaped(inUrl) },
    { form: "XML-escaped", parts: escaped(inXml) },
    { form: "shell-quoted", parts: escaped(inShell) },
    ...encoded(Buffer.from(text)),
  ];
}

export const plainly = (text: string, unit: Unit): Part[] => [...text].map((c) => part([c], unit));

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
 * Backslashes as `printf %q` writes them, those of coreutils between quotes (`'$'\t''`), quotes inside of quotes ('\'' and '"'"'), bytes
 * as `$'\303\274'`, `b'\xc3\xbc'` and `M-CM-<`; signs that are doubled, as `'` is in SQL, `%` in units of systemd and `$` in compose
 * files.
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
