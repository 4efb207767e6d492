import type { Facts } from "./facts";

export interface Package {
  readonly name: string;
  /** As the package manager writes it: `[epoch:]version[-revision]`. */
  readonly version: string;
  readonly architecture: string;
  /** The source package, and its version where it differs from the package's. */
  readonly source: string;
  readonly sourceVersion: string;
  /** In the packager's words: rpm's License tag, or the short names in a Debian package's copyright file where it has any. */
  readonly license: string | null;
  readonly homepage: string | null;
  /** Bytes of its files, by the database: dpkg rounds to KiB. */
  readonly installedBytes: number;
  /** dpkg's third word of the status: "installed", "half-configured", …; rpm knows "installed" only. */
  readonly state: string;
}

/** What is installed in an image, by its own package database: the content of the check stage's `packages.json`. */
export interface PackageList {
  /** The fields ID, VERSION_ID and PRETTY_NAME of os-release(5); null where the image has no such file. */
  readonly distribution: {
    readonly id: string;
    readonly versionId: string;
    readonly prettyName: string;
  } | null;
  /** Names as in package URLs (purl). Null where no database was found, or none that can be read. */
  readonly ecosystem: "deb" | "rpm" | null;
  /** Sorted by name, then architecture. */
  readonly packages: readonly Package[];
}

export const DPKG_STATUS = "/var/lib/dpkg/status";

/** dpkg's database has no licences; every package brings a file about them. */
export const DEBIAN_COPYRIGHTS = "/usr/share/doc/*/copyright";

/** Reads the list from what was found on an image. */
export function packageList({ contents, rpm }: Facts): PackageList {
  const osRelease = contents["/usr/lib/os-release"] ?? contents["/etc/os-release"];
  const dpkg = contents[DPKG_STATUS];
  return {
    distribution: osRelease === undefined ? null : parseOsRelease(osRelease),
    ecosystem: dpkg !== undefined ? "deb" : rpm ? "rpm" : null,
    packages:
      dpkg !== undefined
        ? parseDpkgStatus(dpkg).map((found) => ({
            ...found,
            license: debianLicense(contents[DEBIAN_COPYRIGHTS.replace("*", found.name)] ?? ""),
          }))
        : sorted((rpm ?? []).map((found) => ({ ...found, state: "installed" }))),
  };
}

/** The packages of dpkg's database, sorted; removed ones whose configuration is left are not among them. */
export function parseDpkgStatus(status: string): Package[] {
  const packages = status.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(paragraph)?.[1] ?? "";
    const state = field("Status").split(" ")[2];
    if (!state || state === "config-files" || state === "not-installed") return [];
    const [name, version] = [field("Package"), field("Version")];
    // "Source: glibc", or "Source: gcc-12 (12.2.0-14)"
    const [, source, sourceVersion] = /^(\S+)(?: \((.+)\))?$/.exec(field("Source")) ?? [];
    return {
      name,
      version,
      architecture: field("Architecture"),
      source: source ?? name,
      sourceVersion: sourceVersion ?? version,
      license: null,
      homepage: field("Homepage") || null,
      installedBytes: Number(field("Installed-Size")) * 1024,
      state,
    };
  });
  return sorted(packages);
}

/** The licences of all files of a package, by its machine-readable copyright file (DEP 5); null where it has another form. */
function debianLicense(copyright: string): string | null {
  if (!/^Format: \S*\/copyright-format\//im.test(copyright)) return null;
  const names = copyright
    .split(/\n[ \t]*\n/)
    .filter((paragraph) => /^Files:/im.test(paragraph))
    .flatMap((paragraph) => /^License:[ \t]*(\S.*?)[ \t]*$/im.exec(paragraph)?.[1] ?? []);
  const terms = [...new Set(names)].map((name) => (/ or /i.test(name) ? `(${name})` : name));
  return terms.join(" and ") || null;
}

function sorted(packages: readonly Package[]): Package[] {
  const key = ({ name, architecture }: Package) => `${name}\0${architecture}`;
  return [...packages].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function parseOsRelease(text: string) {
  const field = (name: string) => new RegExp(`^${name}=(["']?)(.*)\\1$`, "m").exec(text)?.[2] ?? "";
  return {
    id: field("ID") || "linux",
    versionId: field("VERSION_ID"),
    prettyName: field("PRETTY_NAME"),
  };
}

/** The content of `packages.json`: the list, without what only the check stage needs. */
export function packagesJson(list: PackageList): string {
  const packages = list.packages.map(({ state: _, ...rest }) => rest);
  return JSON.stringify({ ...list, packages }, null, 1) + "\n";
}

/** The content of `packages.tsv`, for a quick comparison: name, version and architecture, one line a package. */
export function packagesTsv({ packages }: PackageList): string {
  return packages.map((p) => `${p.name}\t${p.version}\t${p.architecture}\n`).join("");
}
