import { createHash } from "node:crypto";

/** What tells one published version from another; together they make its name. */
export interface Version {
  /** Stack and publication; `keep` counts the versions of one series. */
  readonly series: string;
  /** When the release was published, ISO 8601. */
  readonly releasedAt: string;
  /** Key of the stage that published it. */
  readonly key: string;
  /** Hexadecimal: whose it is, see {@link originOf}. */
  readonly origin: string;
}

const KEY_DIGITS = 12;
const ORIGIN_DIGITS = 8;

/**
 * Tells the versions of one stack's publication from those of others that have the same name: stacks of other clones, projects and
 * backends, which may share a store, and stacks of other stores.
 *
 * @param owner tells stacks apart, see shortIdentity
 */
export const originOf = (storeId: string, owner: string, series: string): string =>
  createHash("sha256").update([storeId, owner, series].join("\n")).digest("hex");

/** The name of a version's folder or volumes, such as `dev-nightly-20261101T093000123Z-0c1d2e3f4a5b-9f8e7d6c`; sorts by time. */
export function versionName({ series, releasedAt, key, origin }: Version): string {
  const time = releasedAt.replace(/[-:.]/g, "");
  return [series, time, key.slice(0, KEY_DIGITS), origin.slice(0, ORIGIN_DIGITS)].join("-");
}

export interface Retention {
  readonly series: string;
  readonly origin: string;
  /** How many versions stay at least. */
  readonly keep: number;
  /** Keys that stacks of this store use. */
  readonly usedKeys: readonly string[];
}

/**
 * Which versions are to be deleted: those of this series that are older than the newest `keep` and that no stack uses. Versions that
 * another stack or store published stay, since its stacks cannot be seen from here, and so does whatever has another form of name.
 */
export function expired(names: readonly string[], retention: Retention): string[] {
  const { series, origin, keep, usedKeys } = retention;
  const ours = names.flatMap((name) => {
    if (!name.startsWith(`${series}-`)) return [];
    const rest = name.slice(series.length + 1);
    const [, key, from] = /^\d{8}T\d{9}Z-([0-9a-f]{12})-([0-9a-f]{8})$/.exec(rest) ?? [];
    return from === origin.slice(0, ORIGIN_DIGITS) ? [{ name, key: key! }] : [];
  });
  return ours
    .sort((a, b) => (a.name < b.name ? 1 : -1))
    .slice(keep)
    .filter(({ key }) => !usedKeys.some((used) => used.startsWith(key)))
    .map(({ name }) => name);
}
