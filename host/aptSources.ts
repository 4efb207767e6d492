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

/** Releases that are never released: what is new in them comes into the release itself. */
const WITHOUT_POCKETS = ["sid", "unstable"];

/** Names that an archive gives its releases in turn. */
const ALIAS = /^(?:oldoldstable|oldstable|stable|testing)(?:-|$)/;

export interface ArchiveFacts {
  /** The `Origin` that the archive's release file states, where the host has fetched it. */
  readonly origin: (source: AptSource) => string | undefined;
  /** Likewise the `Codename` that it states, with the pocket: a suite such as "stable" is another release next year. */
  readonly codename?: (source: AptSource) => string | undefined;
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
  const usable = sources.filter(
    (source) =>
      /^https?:/.test(source.uri) && source.components.includes("main") && isDebian(source, facts),
  );
  const pockets = WITHOUT_POCKETS.includes(release) ? [""] : ["", "-updates", "-security"];
  for (const hostRelease of [release, facts.hostRelease]) {
    const lines = pockets.flatMap((pocket) =>
      usable
        .filter((source) => codename(source, facts) === `${hostRelease}${pocket}`)
        .map(
          ({ uri, trusted }) =>
            `deb ${trusted ? "[trusted=yes] " : ""}${uri} ${release}${pocket} main\n`,
        ),
    );
    if (lines[0]?.endsWith(` ${release} main\n`)) return [...new Set(lines)].join("");
  }
  return "";
}

const codename = (source: AptSource, facts: ArchiveFacts) =>
  facts.codename?.(source) ?? source.suite;

const byDebiansKey = ({ signedBy }: AptSource) =>
  signedBy === "" || signedBy.includes("/debian-archive-");

/** Not fetched yet: only the files that the distribution itself writes are taken for its own. */
const inDebiansFile = ({ file }: AptSource) => ["sources.list", "debian.sources"].includes(file);

function isDebian(source: AptSource, { origin }: ArchiveFacts): boolean {
  if (!byDebiansKey(source)) return false;
  const stated = origin(source);
  return stated === undefined ? inDebiansFile(source) : stated === "Debian";
}

/**
 * What a Debian host takes its own system from and containers cannot: a line each, with the reason. Other vendors' repositories are
 * no concern of kragle's, and neither is a medium that the system was installed from (cdrom).
 */
export function unusableSources(sources: readonly AptSource[], facts: ArchiveFacts): string[] {
  const own = sources.filter(
    (source) =>
      source.components.includes("main") &&
      !source.uri.startsWith("cdrom:") &&
      (facts.origin(source) === "Debian" ||
        (facts.hostRelease !== undefined && inDebiansFile(source))),
  );
  const told = own.flatMap((source) => {
    const why = obstacle(source, facts);
    return why ? [`${withoutPassword(source.uri)} ${source.suite} (${source.file}): ${why}`] : [];
  });
  return [...new Set(told)];
}

function obstacle(source: AptSource, facts: ArchiveFacts): string | undefined {
  const origin = facts.origin(source);
  if (!/^https?:/.test(source.uri)) {
    return `left out, since containers cannot read "${source.uri.split(":")[0]}:" of this machine`;
  }
  if (!byDebiansKey(source)) {
    return "left out, since it is signed by another key than Debian's, which containers do not have";
  }
  if (origin !== undefined && origin !== "Debian") {
    return `left out, since its release file says "Origin: ${origin}", not Debian`;
  }
  if (ALIAS.test(codename(source, facts))) {
    return "left out, since it is not known which release that is; run apt-get update, or write its code name";
  }
  if (isLoopbackAddress(source.uri)) {
    return "containers do not reach this machine's loopback address; let the mirror listen on the address of Docker's bridge too, and name that";
  }
  return undefined;
}

const withoutPassword = (uri: string) => uri.replace(/\/\/[^/@]*@/, "//");

/** Whether an address, of a mirror or a proxy, is on the loopback of whoever reads it. */
export const isLoopbackAddress = (uri: string) =>
  /^(\w+:\/\/)?([^/@]*@)?(localhost|127(\.\d+){1,3}|\[::1\])\.?(?=[:/?#]|$)/i.test(uri);

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
