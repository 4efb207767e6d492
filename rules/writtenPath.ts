/**
 * A file's name may hold any byte but "/" and 0. What would break a line or a column, cannot be seen, or is no UTF-8 is written down as
 * its bytes, `\xHH`, a newline as `\n`, a tab as `\t`, and a backslash as two. Bytes that are no UTF-8 come as halves of surrogate
 * pairs, U+DC80 to U+DCFF, as Python's `surrogateescape` makes them.
 */
const UNSEEN = /[\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const NAMED: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\t": "\\t" };

/** The path as it stands in `files.tsv` and in messages; see {@link readPath}. */
export const writtenPath = (path: string): string =>
  path.replace(UNSEEN, (character) => NAMED[character] ?? bytesOf(character).map(hex).join(""));

/** The bytes of the path that was written down so. */
export function readPath(written: string): Buffer {
  const parts = written.split(/(\\(?:x[0-9a-f]{2}|[nt\\]))/);
  return Buffer.concat(
    parts.map((part, index) => {
      if (index % 2 === 0) return Buffer.from(part);
      const named = Object.entries(NAMED).find(([, text]) => text === part);
      return named ? Buffer.from(named[0]) : Buffer.from(part.slice(2), "hex");
    }),
  );
}

function bytesOf(character: string): number[] {
  const code = character.codePointAt(0)!;
  return code >= 0xdc80 && code <= 0xdcff ? [code & 0xff] : [...Buffer.from(character)];
}

const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, "0")}`;
