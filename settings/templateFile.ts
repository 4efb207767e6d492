import { z } from "zod";

import { channel, firmware } from "../plan/stages/fields";
import { suggest } from "./suggest";
import { listOf, oneOf, quote, text } from "./values";

/**
 * The fields of a template.json, each with its meaning. From here follow what is refused, the table in docs/templates.md, and the JSON
 * Schema for editors, by `npm run generate`.
 */

const bytes = (example: number) => {
  const error = ({ input }: { input?: unknown }) =>
    input === undefined
      ? `is lacking; write a number of bytes, such as ${example}`
      : `${quote(input)} is not allowed; write a number of bytes, such as ${example}`;
  return z.int({ error }).positive({ error });
};

const needed = (example: string) => ({
  error: ({ input }: { input?: unknown }) =>
    input === undefined
      ? `is lacking; write it as in "${example}"`
      : `${quote(input)} is not text; write it as in "${example}"`,
});

/** A release's code name; a name such as "stable" is another release next year. */
export const suiteName = z.string(needed("trixie")).regex(/^[a-z][a-z0-9-]*$/, {
  error: ({ input }) => `${quote(input)} is no release's code name; write it as in "trixie"`,
});

const packageNames = z.array(
  text("openssh-server").refine((name) => /^[a-z0-9][a-z0-9+.-]+$/.test(name), {
    error: ({ input }) => `${quote(input)} is no name of a package; write it as in "nginx"`,
  }),
  listOf("package names"),
);

const object = <T extends z.ZodRawShape>(shape: T, owner: string) =>
  z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") {
        return `${quote(issue.input)} is not allowed; write an object with ${Object.keys(shape).join(", ")}`;
      }
      const [first] = issue.keys;
      const meant = suggest(first!, Object.keys(shape));
      const advice = meant
        ? `did you mean ${meant}`
        : `allowed are ${Object.keys(shape).join(", ")}`;
      return `${issue.keys.join(", ")} is no field of ${owner}; ${advice}`;
    },
  });

const INSTALL =
  "How the system comes onto the disk: `bootstrap`, by its own `base.py`; `iso`, by an ISO's installer; `disk`, it is on one that somebody else made";

const everyTemplate = {
  $schema: z.string().optional().describe("`infra/template.schema.json`, for editors"),
  description: text("Debian 13 with nginx").optional().describe("What its images are, for people"),
  minimumDiskBytes: bytes(2 ** 31).describe(
    "The smallest disk, in bytes: a smaller `diskSize` is refused, and so much room the store has to have",
  ),
  defaultDiskBytes: bytes(2 ** 32)
    .optional()
    .describe("By hand only: the disk, in bytes; as `minimumDiskBytes` where it is not given"),
  smoke: object(
    {
      channel: oneOf(channel.options)
        .default("agent")
        .describe("How a booted guest is asked: `agent`, by the QEMU guest agent, or `ssh`"),
      firmware: z
        .tuple([oneOf(firmware.options)], oneOf(firmware.options), listOf("firmware: bios, uefi"))
        .default(["bios", "uefi"])
        .describe("What its images boot by: a quick proof takes the first, a full one all"),
    },
    "smoke",
  )
    .prefault({})
    .describe("How its images are [proven by a boot](proof.md)"),
};

/** A template whose system its base.py installs from packages. */
const bootstrapped = object(
  {
    ...everyTemplate,
    install: oneOf(["bootstrap"]).default("bootstrap").describe(INSTALL),
    suite: suiteName.describe("The release that `base.py` installs"),
    kernels: z
      .tuple([oneOf(["cloud", "generic"])], oneOf(["cloud", "generic"]), listOf("kernels"))
      .default(["cloud", "generic"])
      .describe("What the setting `kernel` may be; by hand it is the first"),
    packages: object(
      {
        common: packageNames
          .default([])
          .describe("For Debian's `base.py`: packages that are installed in any case"),
        cloud: packageNames.default([]).describe("those with `kernel: cloud`"),
        generic: packageNames.default([]).describe("those with `kernel: generic`"),
      },
      "packages",
    )
      .optional()
      .describe("For Debian's `base.py`: what it installs"),
  },
  'a template with "install": "bootstrap"',
);

/** A template whose system the installer of an ISO puts onto the disk. */
const installed = object(
  {
    ...everyTemplate,
    install: oneOf(["iso"]).describe(INSTALL),
    iso: z.string(needed("name.iso")).describe("The ISO's file name, as its publisher calls it"),
    isoChecksum: text("its publisher shows it beside the download")
      .default("its publisher shows it beside the download")
      .describe("Where the ISO's SHA-256 is to be found, for people"),
    expectedImageBytes: bytes(3 * 2 ** 30).describe(
      "What a finished image takes, in bytes: a guess, by which doctor judges the disk's room before there is one",
    ),
  },
  'a template with "install": "iso"',
);

/** A template that begins with a disk that somebody else made: the setting `from`. */
const disk = object(
  { ...everyTemplate, install: oneOf(["disk"]).describe(INSTALL) },
  'a template with "install": "disk"',
);

/** The fields by what `install` says. */
export const TEMPLATE_FIELDS = { bootstrap: bootstrapped, iso: installed, disk } as const;

/** Reads the content of a template.json. @returns the fields, or everything that is wrong with them */
export function readTemplateFile(content: unknown) {
  const install = (content as { install?: unknown } | null)?.install ?? "bootstrap";
  const kind = oneOf(["bootstrap", "iso", "disk"]).safeParse(install);
  if (!kind.success) return { problems: [`install: ${kind.error.issues[0]!.message}`] };
  const read = TEMPLATE_FIELDS[kind.data].safeParse(content);
  if (read.success) return { facts: read.data };
  return {
    problems: read.error.issues.map(({ path, message }) =>
      [path.join("."), message].filter(Boolean).join(": "),
    ),
  };
}
