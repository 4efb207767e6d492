import { matcher } from "./glob";

const MAIN = "/etc/ssh/sshd_config";

/** Characters of a line that count; sshd itself takes no longer one. */
const LONGEST_LINE = 4096;

export const SSHD_CONFIG: readonly string[] = [MAIN, "/etc/ssh/sshd_config.d/*"];

/** What an option is that sshd never gets to, since it does not start. */
const ENDLESS = "unknown: the configuration includes itself";

/**
 * The value of an option for every connection, as sshd_config(5) finds it: the first one counts, included files stand where
 * their Include does, and a Match block ends what holds for all. Undefined where none is set.
 */
export function sshdValue(
  contents: Readonly<Record<string, string>>,
  option: string,
): string | undefined {
  // what each file leads to, which is the same wherever it is included
  const known = new Map<string, string | undefined>();
  const valueIn = (file: string): string | undefined => {
    if (known.has(file)) return known.get(file);
    known.set(file, ENDLESS);
    const value = search(file);
    known.set(file, value);
    return value;
  };
  const search = (file: string): string | undefined => {
    for (const line of (contents[file] ?? "").split("\n")) {
      const [keyword = "", ...values] = line
        .trim()
        .slice(0, LONGEST_LINE)
        .split(/[\s=]+/);
      switch (keyword.toLowerCase()) {
        case "match":
          return undefined;
        case "include": {
          const globs = values.map((path) => (path.startsWith("/") ? path : `/etc/ssh/${path}`));
          const included = Object.keys(contents).filter(matcher(globs)).sort();
          for (const path of included) {
            const value = valueIn(path);
            if (value !== undefined) return value;
          }
          break;
        }
        case option.toLowerCase():
          return values[0];
      }
    }
    return undefined;
  };
  return valueIn(MAIN);
}
