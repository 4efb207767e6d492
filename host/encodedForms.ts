/** Those forms of the list in secretForms.ts that encode a secret's bytes, whatever they are: base64 and hexadecimal. */
import { bothCases, type Gap, part, type Part, type Way } from "./spelling";

/** Each of its ways goes over the ends of lines. */
export const encoded = (bytes: Buffer): Way[] => [
  ...[0, 1, 2].map((shift): Way => ({
    form: "base64",
    parts: base64(bytes, shift),
    between: WRAPPED,
  })),
  { form: "hexadecimal", parts: hexadecimal(bytes), between: DUMPED, after: DUMPED_TEXT },
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
/** Between bytes, and between the lines of `od`, `xxd` and `hexdump`: perhaps a column of text, then the next line's offset. */
const DUMPED: Gap = {
  sources: [
    `(?:\\x20{2,60}[^\\r\\n]{1,18})?\\r?\\n[0-9a-fA-F]{6,8}:?\\x20{1,2}`,
    ...WRAPPED.sources,
    `[\\x20:]{1,2}`,
  ],
  begins: [...WRAPPED.begins, " ", ":"],
  longest: 60 + 18 + 13,
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
