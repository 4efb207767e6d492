import { basename } from "node:path";

/** How a disk that somebody else made may be stored, as qemu-img calls it. */
const DISK_FORMATS = ["qcow2", "raw", "vmdk", "vpc", "vhdx"] as const;
const COMPRESSIONS = ["xz", "gz", "zst", "bz2"] as const;

type DiskFormat = (typeof DISK_FORMATS)[number];
type Compression = (typeof COMPRESSIONS)[number];

/** A format, and behind a dot how the file is compressed as a whole: `qcow2`, `raw.xz`. */
export type SourceFormat = DiskFormat | `${DiskFormat}.${Compression}`;

export const SOURCE_FORMATS: readonly SourceFormat[] = [
  ...DISK_FORMATS,
  ...DISK_FORMATS.flatMap((format) =>
    COMPRESSIONS.map((compression) => `${format}.${compression}` as const),
  ),
];

/** Ends of names that mean another name, since publishers use several. `img` is none: Ubuntu's are qcow2, others' raw. */
const SAME = [
  [/(^|\.)vhd(?=\.|$)/, "$1vpc"],
  [/\.gzip$/, ".gz"],
  [/\.zstd$/, ".zst"],
] as const;

/** The format that a text such as "vhd.gz" means, or undefined. */
export function parseSourceFormat(text: string): SourceFormat | undefined {
  const format = SAME.reduce(
    (name, [pattern, meant]) => name.replace(pattern, meant),
    text.toLowerCase(),
  );
  return SOURCE_FORMATS.find((known) => known === format);
}

/** The format that a file has by its name, such as "web-1.4.raw.xz"; undefined where that does not tell. */
export function formatOfName(name: string): SourceFormat | undefined {
  const [last, before] = name.split(".").slice(1).reverse();
  return parseSourceFormat(`${before}.${last}`) ?? parseSourceFormat(last ?? "");
}

/** The name of a file, by its path or address. */
export function fileNameOf(place: string): string {
  if (!/^https?:/i.test(place)) return basename(place);
  const name = basename(new URL(place).pathname);
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // a % that escapes nothing
  }
}

/** The two parts of a format; compression null for none. */
export function partsOf(format: SourceFormat): { format: string; compression: string | null } {
  const [disk, compression = null] = format.split(".");
  return { format: disk!, compression };
}
