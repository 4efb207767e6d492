import { z } from "zod";

import { imageIdentity } from "../plan/imageIdentity";
import { type PackageFiles, packageFiles } from "../plan/packageFiles";
import { installedPackage } from "../plan/packages";
import { writtenPath } from "./writtenPath";

/** What `inspect_image.py` found on the image; nothing in it is judged. */
export const facts = z.object({
  disk: z.object({
    problems: z.array(z.string()),
    leaks: z.number(),
    virtualBytes: z.number().nullable(),
    backingFile: z.string().nullable(),
    snapshots: z.number(),
    bitmaps: z.number(),
    encrypted: z.boolean(),
  }),
  table: z
    .object({
      label: z.string(),
      problems: z.array(z.string()),
      /** Whether the first sector holds code. */
      bootCode: z.boolean(),
      /** In the order in which they lie on the disk. */
      partitions: z.array(
        z.object({
          number: z.number(),
          /** The type's GUID in capitals, or the two digits of an MBR. */
          type: z.string(),
          name: z.string(),
          uuid: z.string(),
          startBytes: z.number(),
          sizeBytes: z.number(),
        }),
      ),
    })
    .nullable(),
  fileSystems: z.array(
    z.object({
      partition: z.number(),
      type: z.string(),
      uuid: z.string(),
      label: z.string(),
      mountPoint: z.string().nullable(),
      /** Whether a reader understands it. */
      checked: z.boolean(),
      problems: z.array(z.string()),
    }),
  ),
  /** Path, mode, uid, gid, bytes. */
  tree: z.array(z.tuple([z.string(), z.number(), z.number(), z.number(), z.number()])),
  /** Content of files, target of symbolic links. */
  contents: z.record(z.string(), z.string()),
  /** What the image stage has written into os-release; absent where no stage says it. Not from the image itself. */
  identity: imageIdentity.optional(),
  /** Names of the secrets with which it was built, and that were found in it then. */
  secretsAtBuild: z.array(z.string()).optional(),
  /** Packages of an rpm database, as librpm reads it; null where it cannot, absent where the image has none. */
  rpm: z.array(installedPackage).nullable().optional(),
  /** Files that no package accounts for; null where no database can be read, absent where the disk could not be unpacked. */
  packageFiles: packageFiles.optional(),
  secrets: z
    .object({
      scannedBytes: z.number(),
      tooShort: z.array(z.string()),
      hits: z.array(z.object({ secret: z.string(), form: z.string(), where: z.string() })),
    })
    .optional(),
});

export type Facts = z.infer<typeof facts>;

export type FileType = "file" | "folder" | "link" | "other";

export interface Entry {
  readonly path: string;
  readonly type: FileType;
  readonly bytes: number;
}

const TYPES: Readonly<Record<number, FileType>> = {
  0o100000: "file",
  0o040000: "folder",
  0o120000: "link",
};

export function entries({ tree }: Facts): Entry[] {
  return tree.map(([path, mode, , , bytes]) => ({
    path,
    type: TYPES[mode & 0o170000] ?? "other",
    bytes,
  }));
}

/** Mount points of file systems that nobody could read; "/" where no root was found. What lies there is not checked. */
export function unreadable({ fileSystems }: Facts): string[] {
  const unread = fileSystems.flatMap((f) => (f.checked || !f.mountPoint ? [] : [f.mountPoint]));
  const hasRoot = fileSystems.some((f) => f.checked && f.mountPoint === "/");
  return hasRoot ? unread : ["/"];
}

/** The content of `files.tsv`, sorted by path: mode in octal, uid, gid, bytes of files and links, path as {@link writtenPath}; one line each. */
export function filesTsv({ tree }: Facts): string {
  return tree
    .map(([path, mode, uid, gid, bytes]) => {
      const type = TYPES[mode & 0o170000];
      const size = type === "file" || type === "link" ? bytes : 0; // a folder's size depends on what was in it before
      return {
        path,
        line: [mode.toString(8), uid, gid, size, writtenPath(path)].join("\t") + "\n",
      };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ line }) => line)
    .join("");
}

/** The content of `package-files.json`. */
export const otherFiles = ({ packageFiles: found }: Facts): PackageFiles =>
  found?.map((file) => ({
    ...file,
    path: writtenPath(file.path),
    package: file.package && writtenPath(file.package),
  })) ?? null;

const FOLDER_DEPTH = 2;

/** Bytes of the files below each folder, down to the second level ("/usr/lib"), the largest first; empty folders are left out. */
export function folderSizes(facts: Facts): { path: string; bytes: number }[] {
  const sizes = new Map<string, number>();
  for (const { path, type, bytes } of entries(facts)) {
    if (type !== "file") continue;
    const parts = path.split("/").slice(1, -1);
    for (let depth = 1; depth <= Math.min(parts.length, FOLDER_DEPTH); depth++) {
      const folder = "/" + parts.slice(0, depth).join("/");
      sizes.set(folder, (sizes.get(folder) ?? 0) + bytes);
    }
  }
  return [...sizes]
    .map(([path, bytes]) => ({ path, bytes }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
}
