/** What `SHA256SUMS` says. */
export interface Sums {
  /** By name, relative to the folder. */
  readonly digests: ReadonlyMap<string, string>;
  /** What is wrong with the list itself. */
  readonly problems: readonly string[];
}

/**
 * The form of GNU sha256sum, which `sha256sum --check` reads: a line of a name with a backslash or a line end begins with a
 * backslash, and has the name escaped.
 */
export const encodeSums = (digests: Iterable<readonly [name: string, sha256: string]>): string =>
  [...digests].map(([name, sha256]) => line(name, sha256)).join("");

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };

function line(name: string, sha256: string): string {
  const escaped = name.replace(/[\\\n\r]/g, (character) => ESCAPES[character]!);
  return `${escaped === name ? "" : "\\"}${sha256} *${escaped}\n`;
}

/** Problems that are told, and kept in mind; a list of garbage has millions. */
const TOLD = 20;

/** Reads such a list, whoever wrote it. */
export function parseSums(bytes: Uint8Array): Sums {
  const digests = new Map<string, string>();
  const problems: string[] = [];
  let rest = 0;
  const tell = (problem: string) => void (problems.length < TOLD ? problems.push(problem) : rest++);
  const lines = decode(bytes, problems).split("\n");
  if (lines.pop() !== "") tell("its last line is cut off");
  for (const [index, text] of lines.entries()) {
    const [, mark, sha256, written] = /^(\\?)([0-9a-f]{64}) [ *](.+)$/s.exec(text) ?? [];
    const name = mark && written !== undefined ? unescape(written) : written;
    if (!sha256 || !name) tell(`line ${index + 1} is not one of sha256sum`);
    else if (leadsOut(name)) tell(`${JSON.stringify(name)} leads out of the folder`);
    else if (!isPlain(name)) tell(`${JSON.stringify(name)} is not a plain name`);
    else if (digests.has(name)) tell(`${JSON.stringify(name)} stands in it twice`);
    else digests.set(name, sha256);
  }
  if (digests.size === 0) problems.push("it lists nothing");
  return { digests, problems: [...problems, ...(rest > 0 ? [`and ${rest} problems more`] : [])] };
}

function decode(bytes: Uint8Array, problems: string[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    problems.push("it is not UTF-8");
    return new TextDecoder().decode(bytes);
  }
}

/** The name that was meant; undefined where the escapes are none of sha256sum's. */
function unescape(written: string): string | undefined {
  if (!/^(?:[^\\]|\\[\\nr])*$/s.test(written)) return undefined;
  return written.replace(/\\(.)/g, (_, letter: string) => ({ n: "\n", r: "\r" })[letter] ?? "\\");
}

/** Whether a name from somebody's list is that of a file outside the folder. */
export const leadsOut = (name: string) => name.startsWith("/") || name.split("/").includes("..");

/** One spelling for each file, so that none can stand there twice. */
const isPlain = (name: string) =>
  !name.includes("\0") && !name.split("/").some((part) => part === "" || part === ".");
