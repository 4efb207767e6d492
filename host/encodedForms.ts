/** Those forms of the list in secretForms.ts that encode a secret's bytes, whatever they are: base64, and numbers for them. */
import { bothCases, type Gap, part, type Part, type Way } from "./spelling";

/** Each of its ways goes over the ends of lines. */
export const encoded = (bytes: Buffer): Way[] => [
  ...[0, 1, 2].map((shift): Way => ({
    form: "base64",
    parts: base64(bytes, shift),
    between: WRAPPED,
  })),
  { form: "hexadecimal", parts: hexadecimal(bytes), between: DUMPED, after: DUMPED_TEXT },
  { form: "decimal", parts: numbers(bytes, 10, 0), between: LISTED },
  { form: "octal", parts: numbers(bytes, 8, 3), between: LISTED },
];

/** Of a longer secret, for texts that are looked through line by line: pieces of its base64. Where a line ends in one, others are whole. */
export function base64Pieces(text: string): Way[] {
  return [0, 1, 2].flatMap((shift) => {
    const parts = base64(Buffer.from(text), shift);
    const count =
      parts.length < 2 * PIECE.least ? 0 : Math.max(2, Math.floor(parts.length / PIECE.usual));
    const start = (index: number) => Math.floor((parts.length * index) / count);
    return Array.from({ length: count }, (_, index) => ({
      form: "base64",
      parts: parts.slice(start(index), start(index + 1)),
    }));
  });
}

/** Characters; fewer of them could stand there by chance. */
const PIECE = { least: 12, usual: 20 };

/** Where encoded text is cut into lines, indented, quoted or commented ones, too; `\n` within JSON. */
const WRAPPED: Gap = {
  sources: [`["']?[\\x20\\x5c]{0,2}\\r?\\n[\\x20\\x09#>]{0,16}["']?`, `\\x5cn`],
  begins: [
    "\n",
    "\r\n",
    ...[..."\"' \\"].flatMap((one) => [..." \\\r\n"].map((two) => one + two)),
    "\\n",
  ],
  longest: 22,
};
/** The next line of `od`, `xxd` or `hexdump`, with its offset; before it perhaps a column of text. */
const NEXT_ROW = `(?:\\x20{2,60}[^\\r\\n]{1,18})?\\r?\\n[0-9a-fA-F]{6,8}:?\\x20{1,4}`;
/** Which of several stands there has to follow from the text, or an expression engine would try them all, for each byte. */
const DUMPED: Gap = {
  sources: [
    NEXT_ROW,
    ...WRAPPED.sources,
    // as `0x63, 0x6f`, also in the next line; `63:6f`; `63-6f`
    `[\\x20:,-]{1,3}(?:0[xX])?`,
    `,?\\r?\\n[\\x20\\x09]{0,16}0[xX]`,
    // every letter escaped, as `\x63`, `\u0063`, `\u{63}`, `%63`, `&#x63;`
    `\\x5c(?:x|u00|U000000)`,
    `\\x7d\\x5cu\\x7b`,
    `%`,
    `;&#[xX]`,
    `;&#[xX]00`,
  ],
  begins: [...WRAPPED.begins, ...` :,-\\}%;`],
  longest: 60 + 18 + 15,
};
/** Between decimal and octal numbers: `99, 111`, `[99 111]`, `&#99;&#111;`, `\143\157`. */
const LISTED: Gap = {
  sources: [
    NEXT_ROW,
    `,?\\x20{1,4}`,
    `,?\\x20{1,4}0`,
    `,(?:\\r?\\n[\\x20\\x09]{0,16})?`,
    `\\r?\\n[\\x20\\x09]{1,16}`,
    `;&#`,
    `;&#0`,
    `\\x5c`,
    `\\x5c0`,
  ],
  begins: [..." ,\n\\;", "\r\n"],
  longest: 60 + 18 + 15,
};
/** What follows in the same line: other bytes, and the column of text, which has the secret once more. */
const DUMPED_TEXT: Gap = {
  sources: [`(?:\\x20{0,2}[0-9a-fA-F]{2}){0,15}\\x20{2,60}[^\\r\\n]{1,18}`],
  begins: [],
  longest: 15 * 4 + 60 + 18,
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

const numbers = (secret: Buffer, base: number, digits: number) =>
  [...secret].map((byte) => part([byte.toString(base).padStart(digits, "0")], "bytes"));
