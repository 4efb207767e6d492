export interface Package {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** dpkg's third word of the status: "installed", "half-configured", … */
  readonly state: string;
}

/** The packages of dpkg's database (`/var/lib/dpkg/status`), sorted; removed ones whose configuration is left are not among them. */
export function parseDpkgStatus(status: string): Package[] {
  const packages = status.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(paragraph)?.[1] ?? "";
    const state = field("Status").split(" ")[2];
    if (!state || state === "config-files" || state === "not-installed") return [];
    return {
      name: field("Package"),
      version: field("Version"),
      architecture: field("Architecture"),
      state,
    };
  });
  const key = ({ name, architecture }: Package) => `${name}:${architecture}`;
  return packages.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** One line a package: name, version, architecture. */
export function packagesTsv(packages: readonly Package[]): string {
  return packages.map((p) => `${p.name}\t${p.version}\t${p.architecture}\n`).join("");
}
