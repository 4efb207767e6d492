import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A text in which a program wrote a secret down. */
export interface Written {
  readonly secret: string;
  readonly form: string;
  /** Which program did, or which would. */
  readonly by: string;
  readonly text: string;
}

interface Vectors {
  readonly secret: string;
  readonly written: readonly Omit<Written, "secret">[];
}

/** What real programs printed of a few secrets: both the redactor and the search of a disk are held against it. */
export const VECTORS: readonly Written[] = (
  JSON.parse(readFileSync(join(__dirname, "vectors/secretForms.json"), "utf8")) as Vectors[]
).flatMap(({ secret, written }) => written.map((one) => ({ secret, ...one })));

const json = (text: string) => JSON.stringify(text).slice(1, -1);
const numbered = (text: string, which: RegExp) =>
  text.replace(which, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
const entities = (text: string, quote: string) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", quote);
const inLines = (text: string, width: number, end: string) =>
  text.replace(new RegExp(`.{${width}}(?=.)`, "g"), `$&${end}`);
const bytes = (text: string, write: (byte: number) => string) => [...Buffer.from(text)].map(write);
const base64 = (before: string, secret: string) => Buffer.from(before + secret).toString("base64");

/** How programs write any secret down; nothing of it is taken from the code under test. */
const WRITERS: Readonly<Record<string, readonly ((secret: string) => string)[]>> = {
  plain: [(s) => s],
  "JSON-escaped": [
    json,
    (s) => numbered(json(s), /[\u007f-\uffff]/g),
    (s) => numbered(json(s), /[<>&]/g),
    (s) => numbered(json(s), /[<>&\u007f-\uffff]/g).replaceAll("/", "\\/"),
  ],
  "URL-escaped": [
    encodeURIComponent,
    (s) => new URLSearchParams({ s }).toString().slice(2),
    (s) => encodeURIComponent(s).replace(/%../g, (code) => code.toLowerCase()),
  ],
  "XML-escaped": [
    (s) => entities(s, "&apos;"),
    (s) => entities(s, "&#39;"),
    (s) => s.replace(/[^\w]/gu, (c) => `&#x${c.codePointAt(0)!.toString(16)};`),
  ],
  "shell-quoted": [
    (s) => `'${s.replaceAll("'", `'\\''`)}'`,
    (s) => `'${s.replaceAll("'", `'"'"'`)}'`,
    (s) => s.replace(/[^\w]/gu, "\\$&"),
  ],
  base64: [
    ...["", "u", "uv"].map((before) => (s: string) => base64(before, s)),
    (s) => base64("", s).replaceAll("+", "-").replaceAll("/", "_"),
    (s) => inLines(base64("x".repeat(53), s), 76, "\n"),
    (s) => inLines(base64("x".repeat(44), s), 64, "\r\n"),
    (s) => inLines(base64("x".repeat(44), s), 64, "\n    "),
  ],
  hexadecimal: [
    (s) => Buffer.from(s).toString("hex"),
    (s) => Buffer.from(s).toString("hex").toUpperCase(),
    (s) => bytes(s, (b) => `0x${b.toString(16).padStart(2, "0")}`).join(", "),
    (s) => bytes(s, (b) => `\\x${b.toString(16).padStart(2, "0")}`).join(""),
    (s) => bytes(s, (b) => `%${b.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
  ],
  decimal: [
    (s) => JSON.stringify([...Buffer.from(s)]),
    (s) => JSON.stringify([...Buffer.from(s)], null, 2),
    (s) => bytes(s, String).join(" "),
  ],
  octal: [(s) => bytes(s, (b) => `\\${b.toString(8).padStart(3, "0")}`).join("")],
};

/** All of those texts. */
export const writtenDown = (secret: string): Written[] =>
  Object.entries(WRITERS).flatMap(([form, writers]) =>
    writers.map((write, index) => ({ secret, form, by: `writer ${index}`, text: write(secret) })),
  );
