/** What a list of digests says of one file. */
export type Listed = { readonly sha256: string } | { readonly problem: string };

const WANTED = "SHA-256";

/** Kinds of digests by their length in hexadecimal digits: of those that a line does not name, or that are of SHA-256's own family. */
const KINDS: Readonly<Record<number, string>> = {
  32: "MD5",
  40: "SHA-1",
  56: "SHA-224",
  64: WANTED,
  96: "SHA-384",
  128: "SHA-512",
};
const FAMILY = /^SHA(?:2-)?\d+$/i;

/** `sha256sum`: two blanks, or one and a star, before the name. */
const GNU = /^(?<mark>\\?)(?<digest>[0-9a-f]+) [ *](?<written>.+)$/i;
/** `sha256sum --tag`, BSD's `sha256` and `openssl dgst`: the kind stands before the name. */
const BSD = /^(?<mark>\\?)(?<tag>[A-Z][A-Z0-9/-]*) ?\((?<written>.+)\) ?= ?(?<digest>[0-9a-f]+)$/i;
/** Names that are told where one is not in the list. */
const TOLD = 5;

/**
 * Finds the SHA-256 of a file in its publisher's list, in whichever style that is; lines that are none of a digest, such as comments, count
 * for nothing.
 *
 * @param text of the list, without what was not signed
 * @param name of the file, without folders; the list may have `./` before it
 */
export function findDigest(text: string, name: string): Listed {
  const digests = new Set<string>();
  const kinds = new Set<string>();
  const others = new Set<string>();
  for (const line of text.split("\n")) {
    const entry = parseLine(line.replace(/\r$/, ""));
    if (!entry) continue;
    if (entry.name !== name) others.add(entry.name);
    else if (entry.kind === WANTED) digests.add(entry.digest);
    else kinds.add(entry.kind);
  }
  const [sha256, another] = digests;
  if (another !== undefined) return { problem: `has several SHA-256 of ${name}` };
  if (sha256 !== undefined) return { sha256 };
  if (kinds.size > 0) {
    return { problem: `has no SHA-256 of ${name}, only ${[...kinds].join(" and ")}` };
  }
  return { problem: `does not have ${name}${elsewhere([...others])}` };
}

interface Entry {
  readonly name: string;
  readonly kind: string;
  readonly digest: string;
}

function parseLine(line: string): Entry | undefined {
  const { mark, tag, written, digest } = (GNU.exec(line) ?? BSD.exec(line))?.groups ?? {};
  if (written === undefined || digest === undefined) return undefined;
  const name = mark ? unescaped(written) : written;
  // SHA-512/256 and BLAKE2s have as many digits as SHA-256
  const isOther = tag !== undefined && !FAMILY.test(tag);
  return {
    name: name.replace(/^(?:\.\/)+/, ""),
    kind: isOther ? tag : (KINDS[digest.length] ?? `${digest.length} digits`),
    digest: digest.toLowerCase(),
  };
}

/** A line that begins with a backslash has a name in which coreutils has escaped these. */
const unescaped = (name: string) =>
  name.replace(/\\([\\nr])/g, (_, letter: string) =>
    letter === "n" ? "\n" : letter === "r" ? "\r" : "\\",
  );

function elsewhere(names: readonly string[]): string {
  if (names.length === 0) return ", nor any other file";
  const shown = names.slice(0, TOLD).join(", ");
  const rest = names.length - TOLD;
  return `; it has ${shown}${rest > 0 ? ` and ${rest} more` : ""}`;
}
