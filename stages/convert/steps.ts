/** One command in the tools container, and the phase that it is. */
export interface Step {
  readonly phase: string;
  readonly command: readonly string[];
}

export interface ConversionRequest {
  readonly format: string;
  readonly options: Readonly<Record<string, string>>;
  /** Name of the result in /result. */
  readonly fileName: string;
  /** Whether the file system of /result takes direct I/O. */
  readonly directIo: boolean;
}

export const IMAGE_FILE = "/image/image.qcow2";

/**
 * Formats that are written faster by several requests at once (`qemu-img convert -W`). Not qcow2: its bytes would differ from run
 * to run. Not the others: their writers take one request at a time, and a streamOptimized vmdk has to be in order.
 */
const OUT_OF_ORDER = ["raw", "vhdx"];

/** What turns the image into another format: always from the qcow2 itself, checked before and compared after. */
export function conversionSteps(request: ConversionRequest): Step[] {
  const { format, fileName } = request;
  const file = `/result/${fileName}`;
  if (format !== "raw.zst") return [checkStep, convertStep(request), compareStep(format, file)];
  const raw = rawPartOf(fileName);
  return [
    checkStep,
    convertStep({ ...request, format: "raw", fileName: raw }),
    compareStep("raw", `/result/${raw}`),
    {
      phase: "compress",
      command: ["zstd", "--quiet", "-T0", "-3", "--check", `/result/${raw}`, "-o", file],
    },
    {
      phase: "compare what it decompresses to",
      command: [
        ...["bash", "-o", "pipefail", "-c", 'zstd --quiet --decompress --stdout "$1" | cmp - "$2"'],
        ...["compare", file, `/result/${raw}`],
      ],
    },
    {
      // by the file's holes, which qemu-img leaves where the disk is zero
      phase: "write the block map",
      command: ["bmaptool", "create", "--output", `/result/${raw}.bmap`, `/result/${raw}`],
    },
  ];
}

/** The uncompressed file from which a raw.zst is made. */
export const rawPartOf = (fileName: string) => fileName.replace(/\.zst$/, "");

// qemu-img convert fills what a truncated qcow2 lacks with zeroes and succeeds
const checkStep: Step = {
  phase: "check the image",
  command: ["qemu-img", "check", "-q", "-f", "qcow2", IMAGE_FILE],
};

function convertStep({ format, options, fileName, directIo }: ConversionRequest): Step {
  const { compression, ...others } = options;
  const formatOptions: Record<string, string> = { ...others };
  const compressed = compression !== undefined && compression !== "none";
  if (compressed) formatOptions.compression_type = compression;
  // otherwise the disk is rounded up to whole cylinders, and the backup GPT is no longer at its end
  if (format === "vpc") formatOptions.force_size = "on";
  return {
    phase: `convert to ${format}`,
    command: [
      ...["qemu-img", "convert", "-f", "qcow2", "-O", format, "-m", "16"],
      ...(OUT_OF_ORDER.includes(format) ? ["-W"] : []),
      // elsewhere the cache mode stays qemu-img's default, which never flushes: the store syncs each file before it publishes it
      ...(format === "raw" && directIo ? ["-t", "none"] : []),
      ...(compressed ? ["-c"] : []),
      ...Object.entries(formatOptions).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      ...[IMAGE_FILE, `/result/${fileName}`],
    ],
  };
}

const compareStep = (format: string, file: string): Step => ({
  phase: "compare with the image",
  command: ["qemu-img", "compare", "-q", "-f", "qcow2", "-F", format, IMAGE_FILE, file],
});

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * The steps as one program, so that they share a container. Each opens its phase; the first that fails ends it, and the last line
 * then says which it was.
 */
export function asProgram(steps: readonly Step[]): string[] {
  const lines = steps.flatMap(({ phase, command }) => [
    `echo ${quote(`» ${phase}`)} >&2`,
    `${command.map(quote).join(" ")} || fail ${quote(phase)} $?`,
  ]);
  const fail = 'fail() { echo "could not $1 (exit code $2)" >&2; exit 1; }';
  return ["sh", "-c", [fail, ...lines].join("\n")];
}
