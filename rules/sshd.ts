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
    for (const [keyword = "", ...values] of optionsOf(contents[file] ?? "")) {
      switch (keyword.toLowerCase()) {
        case "match":
          return undefined;
        case "include": {
          const included = Object.keys(contents).filter(including(values)).sort();
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

/** Of the system's policy for cryptography, which has ciphers and keys only; Red Hat's configuration includes it. */
const POLICY = "/etc/crypto-policies/";

/**
 * A file that the configuration includes, and that nobody has read.
 *
 * @param paths of the image's files and links
 */
export function unreadInclude(
  contents: Readonly<Record<string, string>>,
  paths: readonly string[],
): string | undefined {
  const configured = Object.keys(contents).filter(matcher(SSHD_CONFIG));
  const includes = configured.flatMap((file) =>
    optionsOf(contents[file]!)
      .filter(([keyword = ""]) => keyword.toLowerCase() === "include")
      .map(([, ...values]) => including(values)),
  );
  return paths.find(
    (path) =>
      !Object.hasOwn(contents, path) &&
      !path.startsWith(POLICY) &&
      includes.some((matches) => matches(path)),
  );
}

/** Keyword and values of each line. */
const optionsOf = (text: string): string[][] =>
  text.split("\n").map((line) =>
    line
      .trim()
      .slice(0, LONGEST_LINE)
      .split(/[\s=]+/)
      .map((word) => word.replace(/^"(.*)"$/, "$1")),
  );

/** What an image's globs have is not trusted to be an expression: a choice of characters is any, and braces mean nothing to sshd. */
const including = (globs: readonly string[]) =>
  matcher(
    globs
      .map((glob) => glob.replace(/\[[!^]?[^\]]+\]|[{}]/g, "?"))
      .map((path) => (path.startsWith("/") ? path : `/etc/ssh/${path}`)),
  );
