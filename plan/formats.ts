/**
 * The disk formats that an image can be converted to, and the options each allows.
 * Names and options are qemu-img's; `vhd` is understood as its `vpc`, and `raw.zst` is added.
 */

export interface Conversion {
  /** qemu-img's name of the format, or "raw.zst". */
  readonly format: string;
  /** Options for `qemu-img convert -o`, sorted by name. */
  readonly options: Readonly<Record<string, string>>;
  /** The file's name in the store, `kragle.<extension>`. */
  readonly fileName: string;
  /** Its name under PATH/output; absent where it follows the image's, see fileNames.ts. */
  readonly file?: string;
  /** Unique within an image and usable as part of a resource's name, such as "raw" or "qcow2-zstd". */
  readonly name: string;
}

interface Format {
  readonly extension: string;
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** The largest virtual disk, in bytes; undefined where it is larger than any that kragle builds (8 TiB). */
  readonly maximumBytes?: number;
}

/** How an option's value is called in names, where it does not tell by itself what it is. */
const TITLES: Readonly<Record<string, (value: string) => string>> = {
  hwversion: (value) => `hw${value}`,
  force_size: (value) => `force_size_${value}`,
};

const TEBIBYTE = 2 ** 40;

const FORMATS: Readonly<Record<string, Format>> = {
  raw: { extension: "raw", options: {} },
  // not one of qemu-img's: zstd over the raw disk, with a block map (.bmap) beside it
  "raw.zst": { extension: "raw.zst", options: {} },
  qcow2: {
    extension: "qcow2",
    options: {
      compression: ["none", "zlib", "zstd"],
      cluster_size: ["64k", "128k", "256k", "512k", "1M", "2M"],
    },
  },
  vmdk: {
    extension: "vmdk",
    options: {
      subformat: ["monolithicSparse", "streamOptimized"],
      adapter_type: ["ide", "buslogic", "lsilogic", "legacyESX"],
      // what VMware's products may ask for: KB 1003746; QEMU writes 4 by default
      hwversion: ["4", ...Array.from({ length: 15 }, (_, index) => String(index + 7))],
    },
    // one extent has at most 2^32 sectors: QEMU, block/vmdk.c, VMDK_EXTENT_MAX_SECTORS
    maximumBytes: 2 * TEBIBYTE,
  },
  vdi: { extension: "vdi", options: {} },
  vhdx: { extension: "vhdx", options: { subformat: ["dynamic", "fixed"] } },
  vpc: {
    extension: "vhd",
    // force_size: to the byte, as Azure wants it, and not rounded up to cylinders
    options: { subformat: ["dynamic", "fixed"], force_size: ["on", "off"] },
    // QEMU, block/vpc.c, VHD_MAX_SECTORS: 0xff000000; the next ones of vhdx (64 TiB) and vdi (512 TiB) are out of reach
    maximumBytes: 0xff00_0000 * 512,
  },
};

export const FORMAT_NAMES: readonly string[] = [...Object.keys(FORMATS), "vhd"];

/** The largest virtual disk that a conversion can hold, in bytes; Infinity where no disk is too large for it. */
export const maximumDiskBytes = ({ format }: Conversion): number =>
  FORMATS[format]?.maximumBytes ?? Infinity;

/**
 * Understands one entry of the setting `formats`: a name ("raw"), or a name with options
 * ("qcow2:compression=zstd", or as an object). `file` stands among the options, whatever the format.
 *
 * @throws Error that lists what is allowed
 */
export function parseConversion(entry: unknown): Conversion {
  if (typeof entry !== "string" && Object.prototype.toString.call(entry) !== "[object Object]") {
    throw new Error(`${JSON.stringify(entry)} is not a format; write a name such as "raw"`);
  }
  const given: Record<string, unknown> =
    typeof entry === "string" ? splitEntry(entry) : { ...(entry as Record<string, unknown>) };
  const asked = typeof given.format === "string" ? given.format : "";
  delete given.format;
  const { file } = given;
  delete given.file;
  if (file !== undefined && typeof file !== "string") {
    throw new Error(`${JSON.stringify(file)} is no name of a file; write it in quotes`);
  }
  const format = asked === "vhd" ? "vpc" : asked;
  const known = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (!known) {
    throw new Error(`"${asked}" is not a known format; allowed are ${FORMAT_NAMES.join(", ")}`);
  }
  const options: Record<string, string> = {};
  for (const name of Object.keys(given).sort()) {
    const allowed = Object.hasOwn(known.options, name) ? known.options[name] : undefined;
    if (!allowed) {
      const names = Object.keys(known.options);
      throw new Error(
        `"${name}" is not an option of ${asked}; ` +
          (names.length ? `allowed are ${names.join(", ")}` : "it has none"),
      );
    }
    const value = String(given[name]);
    if (!allowed.includes(value)) {
      throw new Error(
        `"${value}" is not a value of ${asked}'s ${name}; allowed are ${allowed.join(", ")}`,
      );
    }
    options[name] = value;
  }
  const variant = Object.entries(options).map(
    ([option, value]) => TITLES[option]?.(value) ?? value,
  );
  return {
    format,
    options,
    name: [asked.replace(".", "-"), ...variant].join("-"),
    fileName: ["kragle", ...variant, known.extension].join("."),
    ...(file === undefined ? {} : { file }),
  };
}

/** "qcow2:compression=zstd,cluster_size=1M" as an object; the options are written as for `qemu-img -o`. */
function splitEntry(entry: string): Record<string, unknown> {
  const [format, ...rest] = entry.split(":");
  const options = rest.join(":").split(",").filter(Boolean);
  const pairs = options.map((option) => {
    const [name, ...value] = option.split("=");
    return [name!.trim(), value.join("=").trim()] as const;
  });
  const all = Object.fromEntries([["format", format!.trim()], ...pairs]) as Record<string, unknown>;
  if (Object.keys(all).length <= pairs.length) throw new Error(`"${entry}" has an option twice`);
  return all;
}
