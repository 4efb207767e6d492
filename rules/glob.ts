/**
 * Globs for whole paths: `*`, `?` and `[…]` within a name, `**` over folders, `{a,b}` alternatives.
 *
 * Each becomes a regular expression that does not backtrack, however many asterisks it has: what lies between two of them is looked for
 * once, from the left, and kept (an atomic group). That finds every match, since an earlier end leaves more room for the rest.
 */
export function matcher(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs.flatMap(alternatives).map((glob) => {
    let groups = 0;
    // JavaScript has no atomic groups; a look-ahead is one, and the reference takes what it found
    const atomic = (inner: string) => `(?=(?<g${++groups}>${inner}))\\k<g${groups}>`;
    return new RegExp(`^${expression(glob, atomic)}$`, "u");
  });
  return (path) => patterns.some((pattern) => pattern.test(path));
}

/** The glob as a regular expression of Python, which has atomic groups since 3.11. */
export const pythonPattern = (glob: string): string =>
  alternatives(glob)
    .map((one) => expression(one, (inner) => `(?>${inner})`))
    .join("|");

/** The folder below which everything that a glob can match lies. */
export function globRoot(glob: string): string {
  const literal = /^[^*?{[]*/.exec(glob)![0];
  return literal === glob ? glob : literal.slice(0, literal.lastIndexOf("/")) || "/";
}

const MOST_ALTERNATIVES = 1000;

/** The glob without braces, once for each way through them. */
function alternatives(glob: string): string[] {
  let found = [glob];
  for (;;) {
    const next = found.flatMap((one) => {
      const [, before, choices, after] = /^([^]*?)\{([^{}]*)\}([^]*)$/.exec(one) ?? [];
      return choices?.split(",").map((choice) => before! + choice + after!) ?? [one];
    });
    if (next.length > MOST_ALTERNATIVES) {
      throw new Error(`it has more than ${MOST_ALTERNATIVES} alternatives`);
    }
    if (next.length === found.length && next.every((one, index) => one === found[index]))
      return found;
    found = next;
  }
}

function expression(glob: string, atomic: (inner: string) => string): string {
  const parts = glob.split("**");
  return parts
    .map((part, index) => {
      const last = index === parts.length - 1;
      const within = inOneFolder(part, last, atomic);
      if (index === 0) return within;
      return last ? `[\\s\\S]*${within}` : atomic(`[\\s\\S]*?${within}`);
    })
    .join("");
}

function inOneFolder(part: string, last: boolean, atomic: (inner: string) => string): string {
  const pieces = part.split("*").map(fixed);
  return pieces
    .map((piece, index) => {
      if (index === 0) return piece;
      return last && index === pieces.length - 1 ? `[^/]*${piece}` : atomic(`[^/]*?${piece}`);
    })
    .join("");
}

/** A piece without asterisks, each token of which matches one character. */
const fixed = (piece: string): string =>
  piece.replace(/\?|\[[!^]?[^\]]+\]|[.+^$(){}|\\[\]]/g, (token) => {
    if (token === "?") return "[^/]";
    if (token.length === 1) return `\\${token}`;
    return `(?!/)[${token.slice(1, -1).replace(/^!/, "^").replace(/[\\[]/g, "\\$&")}]`;
  });
