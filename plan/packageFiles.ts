import { z } from "zod";

/** What became of a file that no package accounts for. */
const state = z.enum([
  /** No package has it. */
  "unowned",
  /** The same, but a copy of a package's file, or by its name Python's cache of one. */
  "derived",
  /** Its content is not what its package brought. */
  "changed",
  /** The same of a configuration file, which is there to be changed. */
  "configured",
  /** It was not compared: too large, or it could not be read. */
  "unread",
]);

const packageFile = z.object({
  /** As in `files.tsv`. */
  path: z.string(),
  state,
  /** Null for one that nobody owns. */
  package: z.string().nullable(),
  bytes: z.number(),
  /** Null for a file of more than 1 GiB, or behind the first 16 GiB of its file system. */
  sha256: z.string().nullable(),
});

export type PackageFile = z.infer<typeof packageFile>;

/** The content of the check stage's `package-files.json`, sorted by path; null where there is no package database to compare with. */
export const packageFiles = z.array(packageFile).nullable();

export type PackageFiles = z.infer<typeof packageFiles>;

/** How many there are of each kind. */
export const countStates = (
  files: readonly PackageFile[],
): Record<PackageFile["state"], number> => {
  const count = (of: PackageFile["state"]) => files.filter((file) => file.state === of).length;
  return {
    unowned: count("unowned"),
    derived: count("derived"),
    changed: count("changed"),
    configured: count("configured"),
    unread: count("unread"),
  };
};
