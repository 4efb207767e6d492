/** The package sources of a Debian host, as a container of another Debian release can use them. */

/** One archive and suite of a host's configuration, see sources.list(5). */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** What `Signed-By` says: a key ring's path, a fingerprint, a whole key, or nothing. */
  readonly signedBy: string;
  /** The host uses this archive without checking signatures. */
  readonly trusted: boolean;
  /** Name of the file that it stands in. */
  readonly file: string;
}

/** Reads one-line style (`deb [options] URI SUITE COMPONENT…`); lines of other kinds are left out. */
export function parseSourcesList(text: string, file: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+([^#\s]+)([^#]*)/.exec(line);
    if (!match) return [];
    const [, options = "", uri, suite, components] = match;
    const option = (name: string) =>
      new RegExp(`(?:^|\\s)${name}=(\\S+)`, "i").exec(options)?.[1] ?? "";
    return {
      uri: uri!,
      suite: suite!,
      components: words(components!),
      signedBy: option("signed-by"),
      trusted: option("trusted") === "yes",
      file,
    };
  });
}

/** Reads deb822 style (stanzas of `Field: value`), in which a stanza can name several archives and suites. */
export function parseDeb822(text: string, file: string): AptSource[] {
  const stanzas = text.replace(/^#.*\n?/gm, "").split(/\n[ \t]*\n/);
  return stanzas.flatMap((stanza) => {
    const field = (name: string) =>
      new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, "im").exec(stanza)?.[1]?.trim() ?? "";
    if (!words(field("Types")).includes("deb") || field("Enabled").toLowerCase() === "no")
      return [];
    return words(field("URIs")).flatMap((uri) =>
      words(field("Suites")).map((suite) => ({
        uri,
        suite,
        components: words(field("Components")),
        signedBy: field("Signed-By"),
        trusted: field("Trusted").toLowerCase() === "yes",
        file,
      })),
    );
  });
}

const words = (text: string) => text.trim().split(/\s+/).filter(Boolean);

export interface ArchiveFacts {
  /** The `Origin` that the archive's release file states, where the host has fetched it. */
  readonly origin: (source: AptSource) => string | undefined;
  /** The Debian release that the host itself runs, if it is a Debian. */
  readonly hostRelease?: string | undefined;
}

/**
 * Selects what is Debian's own archive, or a mirror of it, and leaves other vendors' repositories out. A host of another
 * Debian release has no entries for this one, but its mirror does.
 *
 * @returns one-line style text; empty where the host's configuration does not lead to the release
 */
export function debianSources(
  sources: readonly AptSource[],
  release: string,
  facts: ArchiveFacts,
): string {
  const isDebian = (source: AptSource) => {
    if (source.signedBy && !source.signedBy.includes("/debian-archive-")) return false;
    const origin = facts.origin(source);
    // not fetched yet: only the files that the distribution itself writes are taken for its own
    return origin === undefined
      ? ["sources.list", "debian.sources"].includes(source.file)
      : origin === "Debian";
  };
  const usable = sources.filter(
    (source) =>
      /^https?:/.test(source.uri) && source.components.includes("main") && isDebian(source),
  );
  for (const hostRelease of [release, facts.hostRelease]) {
    const lines = ["", "-updates", "-security"].flatMap((pocket) =>
      usable
        .filter(({ suite }) => suite === `${hostRelease}${pocket}`)
        .map(
          ({ uri, trusted }) =>
            `deb ${trusted ? "[trusted=yes] " : ""}${uri} ${release}${pocket} main\n`,
        ),
    );
    if (lines[0]?.endsWith(` ${release} main\n`)) return [...new Set(lines)].join("");
  }
  return "";
}

/**
 * Selects from the output of `apt-config dump` what a container needs to reach the host's mirror: proxies, and the
 * leniency that a frozen mirror asks for.
 */
export function aptReachability(dump: string): string {
  const wanted =
    /^Acquire::(?:https?::Proxy(?:::[^"\s]+)?|https?::[^:"\s]+::Proxy|Check-Valid-Until|Check-Date|Retries) "[^"]+";$/i;
  return dump
    .split("\n")
    .filter((line) => wanted.test(line))
    .map((line) => line + "\n")
    .join("");
}
