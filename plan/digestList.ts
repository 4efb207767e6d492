import { type Algorithm, ALGORITHMS, type PublishedDigest } from "./publishedDigest";

/** What a list of digests says of one file. */
export type Listed = { readonly digest: PublishedDigest } | { readonly problem: string };

/** What is taken, the strongest first. */
const TAKEN = Object.entries(ALGORITHMS) as [Algorithm, (typeof ALGORITHMS)[Algorithm]][];
const TITLES = TAKEN.map(([, { title }]) => title);

/** Kinds of digests by their length in hexadecimal digits: of those that a line does not name. */
const KINDS: Readonly<Record<number, string>> = {
  32: "MD5",
  40: "SHA-1",
  56: "SHA-224",
  64: "SHA-256",
  96: "SHA-384",
  128: "SHA-512",
};
/** As programs write these kinds' names. */
const FAMILY = /^SHA(?:2-)?(?<bits>\d+)$/i;

/** `sha256sum`: two blanks, or one and a star, before the name. */
const GNU = /^(?<mark>\\?)(?<digest>[0-9a-f]+) [ *](?<written>.+)$/i;
/** `sha256sum --tag`, BSD's `sha256` and `openssl dgst`: the kind stands before the name. */
const BSD = /^(?<mark>\\?)(?<tag>[A-Z][A-Z0-9/-]*) ?\((?<written>.+)\) ?= ?(?<digest>[0-9a-f]+)$/i;
/** Names that are told where one is not in the list. */
const TOLD = 5;

/**
 * Finds the strongest digest of a file that can be taken in its publisher's list, in whichever style that is; lines that are none of a
 * digest, such as comments, count for nothing.
 *
 * @param text of the list, without what was not signed
 * @param name of the file, without folders; the list may have `./` before it
 */
export function findDigest(text: string, name: string): Listed {
  const found = new Map<string, Set<string>>();
  const others = new Set<string>();
  for (const line of text.split("\n")) {
    const entry = parseLine(line.replace(/\r$/, ""));
    if (!entry) continue;
    if (entry.name !== name) others.add(entry.name);
    else found.set(entry.kind, (found.get(entry.kind) ?? new Set()).add(entry.digest));
  }
  for (const title of TITLES) {
    // also where another kind would decide: whoever made such a list is not sure of the file
    if ((found.get(title)?.size ?? 0) > 1) return { problem: `has several ${title} of ${name}` };
  }
  for (const [algorithm, { title }] of TAKEN) {
    const [hex] = found.get(title) ?? [];
    if (hex !== undefined) return { digest: { algorithm, hex } };
  }
  if (found.size > 0) {
    const kinds = [...found.keys()].join(" and ");
    return { problem: `has no ${TITLES.join(" or ")} of ${name}, only ${kinds}` };
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
  return {
    name: name.replace(/^(?:\.\/)+/, ""),
    kind: kindOf(tag, digest.length),
    digest: digest.toLowerCase(),
  };
}

/** What a line calls its digest counts, and its length has to go with it: SHA-512/256 and BLAKE2s have as many digits as SHA-256. */
function kindOf(tag: string | undefined, digits: number): string {
  const byLength = KINDS[digits] ?? `${digits} digits`;
  if (tag === undefined) return byLength;
  const bits = FAMILY.exec(tag)?.groups?.bits;
  if (bits === undefined) return tag;
  return byLength === `SHA-${bits}` ? byLength : `${tag} of ${digits} digits`;
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
