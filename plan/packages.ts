import { z } from "zod";

/** One package, by the image's own package database. */
export const installedPackage = z.object({
  name: z.string(),
  /** As the package manager writes it: `[epoch:]version[-revision]`. */
  version: z.string(),
  architecture: z.string(),
  /** The source package, and its version where it differs from the package's. */
  source: z.string(),
  sourceVersion: z.string(),
  /** In the packager's words: rpm's License tag, or the short names in a Debian package's copyright file where it has any. */
  license: z.string().nullable(),
  homepage: z.string().nullable(),
  /** Bytes of its files, by the database: dpkg rounds to KiB. */
  installedBytes: z.number(),
});

export type InstalledPackage = z.infer<typeof installedPackage>;

/** What is installed in an image: the content of the check stage's `packages.json`. */
export const packageList = z.object({
  /** The fields ID, VERSION_ID and PRETTY_NAME of os-release(5); null where the image has no such file. */
  distribution: z
    .object({ id: z.string(), versionId: z.string(), prettyName: z.string() })
    .nullable(),
  /** Names as in package URLs (purl). Null where no database was found, or none that can be read. */
  ecosystem: z.enum(["deb", "rpm"]).nullable(),
  /** Sorted by name, then architecture. */
  packages: z.array(installedPackage),
});

export type PackageList = z.infer<typeof packageList>;
