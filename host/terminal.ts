// terminal_line.py does the same to what scripts print in a guest: test/vectors/terminalLines.json

/** Escape sequences of terminals: colours, titles, sets of characters as in `tput sgr0`; control characters but line ends, tabs, backspaces. */
const INVISIBLE =
  // oxlint-disable-next-line no-control-regex
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]{0,256}(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f]/g;
// oxlint-disable-next-line no-control-regex
const CURSOR_LEFT = /^\x1b\[(\d{0,4})D$/;

/** A text without what a terminal only obeys; of its movements, one to the left stays as so many backspaces. */
export const withoutEscapes = (text: string): string =>
  text.replace(INVISIBLE, (sequence) => "\b".repeat(columnsLeft(sequence)));

const columnsLeft = (sequence: string) => {
  const count = CURSOR_LEFT.exec(sequence)?.[1];
  return count === undefined ? 0 : Number(count || 1);
};

/** One line as a terminal leaves it where it has backspaces: what is written over others takes their place. */
export function overwritten(line: string): string {
  if (!line.includes("\b")) return line;
  const shown: string[] = [];
  let column = 0;
  for (const character of line) {
    if (character === "\b") column = Math.max(0, column - 1);
    else shown[column++] = character;
  }
  return shown.join("");
}

/** What a terminal shows of the bytes of a file, a character each, and where in it each stood. */
export function shownOf(text: string): { readonly text: string; readonly at: readonly number[] } {
  const shown: string[] = [];
  const at: number[] = [];
  let [lineStart, column, read] = [0, 0, 0];
  const moveLeft = (columns: number) => (column = Math.max(lineStart, column - columns));
  const show = (until: number) => {
    for (; read < until; read++) {
      const character = text[read]!;
      if (character === "\b") moveLeft(1);
      else {
        if (character === "\n") column = shown.length;
        shown[column] = character;
        at[column++] = read;
        if (character === "\n") lineStart = column;
      }
    }
  };
  for (const { index, 0: sequence } of text.matchAll(INVISIBLE)) {
    show(index);
    moveLeft(columnsLeft(sequence));
    read = index + sequence.length;
  }
  show(text.length);
  return { text: shown.join(""), at };
}
