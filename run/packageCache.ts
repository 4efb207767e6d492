import { Workplace } from "../store/workplace";
import type { StageContext } from "./stage";
import type { StageTask } from "./task";

/** How a container finds the package files of earlier builds. */
interface PackageCache {
  /** What they may take together; 0 where there is no cache. */
  readonly bytes: number;
  readonly caches: NonNullable<StageTask["caches"]>;
}

const NONE: PackageCache = { bytes: 0, caches: {} };

/**
 * The folder in which builds keep what package managers have downloaded, see builder/stages/common/package_cache.py. A build does without
 * where it cannot be had, and tells so.
 */
export async function packageCache({
  request: { packageCache: bytes },
  store,
  detail,
}: Pick<StageContext<never>, "store" | "detail"> & {
  readonly request: { readonly packageCache: number };
}): Promise<PackageCache> {
  if (bytes === 0) return NONE;
  try {
    await new Workplace(store.home).provide("packages");
  } catch (error) {
    detail(`packages: this machine's cache is not used: ${(error as Error).message}`);
    return NONE;
  }
  return { bytes, caches: { "/packages": "packages" } };
}
