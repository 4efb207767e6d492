/**
 * A glob as a regular expression for whole paths: `*`, `?` and `[…]` within a name, `**` over folders, `{a,b}` alternatives.
 * The expression is also valid in Python.
 */
export function globPattern(glob: string): string {
  return glob.replace(/\*\*|[*?{},.+^$()|\\]/g, (token) => TRANSLATIONS[token] ?? `\\${token}`);
}

const TRANSLATIONS: Readonly<Record<string, string>> = {
  "**": ".*",
  "*": "[^/]*",
  "?": "[^/]",
  "{": "(?:",
  ",": "|",
  "}": ")",
};

export function matcher(globs: readonly string[]): (path: string) => boolean {
  const pattern = new RegExp(`^(?:${globs.map(globPattern).join("|")})$`);
  return (path) => pattern.test(path);
}

/** The folder below which everything that a glob can match lies. */
export function globRoot(glob: string): string {
  const literal = /^[^*?{[]*/.exec(glob)![0];
  return literal === glob ? glob : literal.slice(0, literal.lastIndexOf("/")) || "/";
}
