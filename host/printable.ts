/**
 * Characters that do something to a terminal, a page or a line instead of being seen: controls, line ends, what turns the direction
 * of writing, and halves of surrogate pairs.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const escaped = (character: string) => {
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  return short ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;
};

/** Text that others chose, such as a file's or a package's name, on one line as it can be shown anywhere. */
export const printable = (text: string): string => text.replace(UNSEEN, escaped);

/** The same for a message of several lines: line ends and tabs stay. */
export const printableLines = (text: string): string =>
  text.replace(UNSEEN, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));

// Bold and the colours of letters, with their ends: what kragle's own tables have.
// oxlint-disable-next-line no-control-regex
const STYLE = /(\x1b\[(?:1|22|3[0-79])m)/;

/** The same for a terminal, where kragle's own colours stay. */
export const printableStyled = (text: string): string =>
  text
    .split(STYLE)
    .map((part, index) => (index % 2 === 1 ? part : printableLines(part)))
    .join("");

/** The first three names, for a sentence. */
export const fewOf = (names: readonly string[]): string =>
  names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
