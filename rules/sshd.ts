import { matcher } from "./glob";

const MAIN = "/etc/ssh/sshd_config";

export const SSHD_CONFIG: readonly string[] = [MAIN, "/etc/ssh/sshd_config.d/*"];

/**
 * The value of an option for every connection, as sshd_config(5) finds it: the first one counts, included files stand where
 * their Include does, and a Match block ends what holds for all. Undefined where none is set.
 */
export function sshdValue(
  contents: Readonly<Record<string, string>>,
  option: string,
  file = MAIN,
): string | undefined {
  for (const line of (contents[file] ?? "").split("\n")) {
    const [keyword = "", ...values] = line.trim().split(/\s*=\s*|\s+/);
    switch (keyword.toLowerCase()) {
      case "match":
        return undefined;
      case "include": {
        const globs = values.map((path) => (path.startsWith("/") ? path : `/etc/ssh/${path}`));
        const included = Object.keys(contents).filter(matcher(globs)).sort();
        for (const path of included) {
          const value = sshdValue(contents, option, path);
          if (value !== undefined) return value;
        }
        break;
      }
      case option.toLowerCase():
        return values[0];
    }
  }
  return undefined;
}
