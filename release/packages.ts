import type { InstalledPackage } from "../plan/packages";

/** How the packages of one release differ from those of the release before, for people and for programs. */
export interface PackageChanges {
  /** SHA-256 of the image before; null for a stack's first release. */
  readonly previousImageSha256: string | null;
  /** When that was released; ISO 8601. */
  readonly previousReleasedAt: string | null;
  readonly added: readonly NamedVersion[];
  readonly removed: readonly NamedVersion[];
  readonly changed: readonly { name: string; architecture: string; from: string; to: string }[];
}

interface NamedVersion {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
}

type Names = Pick<InstalledPackage, "name" | "architecture" | "version">;

/** Compares two lists; a name that is installed in several versions at once, such as an rpm kernel, counts by all of them. */
export function comparePackages(
  before: readonly Names[],
  after: readonly Names[],
): Pick<PackageChanges, "added" | "removed" | "changed"> {
  const [old, now] = [byName(before), byName(after)];
  const added: NamedVersion[] = [];
  const removed: NamedVersion[] = [];
  const changed: { name: string; architecture: string; from: string; to: string }[] = [];
  for (const [key, packages] of new Map([...old, ...now])) {
    const { name, architecture } = packages[0]!;
    const from = versions(old.get(key));
    const to = versions(now.get(key));
    if (!from) added.push({ name, architecture, version: to });
    else if (!to) removed.push({ name, architecture, version: from });
    else if (from !== to) changed.push({ name, architecture, from, to });
  }
  const inOrder = <T extends { name: string; architecture: string }>(list: T[]) =>
    list.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return { added: inOrder(added), removed: inOrder(removed), changed: inOrder(changed) };
}

const keyOf = ({ name, architecture }: Pick<InstalledPackage, "name" | "architecture">) =>
  `${name}\0${architecture}`;

const versions = (packages: readonly Names[] | undefined) =>
  (packages ?? [])
    .map(({ version }) => version)
    .sort()
    .join(", ");

function byName(packages: readonly Names[]): Map<string, Names[]> {
  const found = new Map<string, Names[]>();
  for (const one of packages) found.set(keyOf(one), [...(found.get(keyOf(one)) ?? []), one]);
  return found;
}
