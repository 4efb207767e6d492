import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { type Conversion, parseConversion } from "../plan/formats";
import type { ImageSpec, Template, Timeouts } from "../plan/imageSpec";
import { publicationName, type PublicationSpec } from "../plan/publication";
import { formatSize, parseDuration, parseSize } from "../plan/units";
import { builderFolder, inProject } from "../stages/project";
import { credentialProblems, takeCredentials } from "./credentials";
import { missingSha256 } from "./medium";
import { checkSetting } from "./checkSetting";

/** Every wrong setting of a run, so that they can be mended at once. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly string[]) {
    const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`;
    super([`${count} wrong:`, ...problems.map((problem) => `  ${problem}`)].join("\n"));
  }
}

const DEFAULT_TIMEOUT_MINUTES: Timeouts = {
  base: 30,
  image: 60,
  ssh: 3,
  script: 15,
  shutdown: 2,
  check: 10,
  convert: 30,
  smoke: 3,
  release: 30,
  progress: 10,
  whole: 240,
};

const DEFAULT_LIBVIRT_URI = "qemu:///system";

/** See https://libvirt.org/uri.html; a password has no place in it, since it stands in the state and in process lists. */
const LIBVIRT_URI = /^qemu(\+[a-z0-9]+)?:\/\/([^\s/@:]+@)?[^\s/@]*\/(system|session)(\?\S*)?$/;

const templatesFolder = join(builderFolder, "templates");

const quote = (value: unknown) =>
  typeof value === "string" ? `"${value}"` : JSON.stringify(value);

/** Text; YAML makes numbers and lists of some values that were meant as text. */
const text = (example: string) =>
  z.string({ error: (issue) => `${quote(issue.input)} is not text; write it as in "${example}"` });

/** Turns a parser that throws into a zod check, so that every wrong setting ends in one list. */
function parsed<T>(example: string, parse: (text: string) => T) {
  return text(example).transform((value, context): T => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });
}

const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, {
    error: (issue) => `${quote(issue.input)} is not allowed; allowed are ${values.join(", ")}`,
  });

const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === "" || value === undefined ? null : value), schema.nullable());

const flag = z.union([z.boolean(), oneOf(["true", "false"]).transform((text) => text === "true")], {
  error: (issue) => `${quote(issue.input)} is not allowed; allowed are true, false`,
});

const wholeNumber = (least: number, most: number, what = "a whole number") => {
  const error = (issue: { input?: unknown }) =>
    `${quote(issue.input)} is not allowed; write ${what} from ${least} to ${most}`;
  return z.preprocess(
    (value) => (typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value),
    z.int({ error }).min(least, { error }).max(most, { error }),
  );
};

/** A list or an object may come as JSON text: that is how Pulumi hands structured configuration over. */
const structured = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => {
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return value;
    }
  }, schema);

const listOf = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    `${quote(issue.input)} is not a list; write a list of ${what}`,
});

const provision = structured(
  z.array(z.string(), listOf("paths of scripts")).superRefine((paths, context) => {
    paths.forEach((path, index) => {
      const file = inProject(path);
      if (existsSync(file) && statSync(file).isFile()) return;
      context.addIssue({ code: "custom", path: [index], message: `"${path}" is not a file` });
    });
  }),
);

const formats = structured(
  z.array(z.unknown(), listOf("formats")).transform((entries, context): Conversion[] => {
    const found: Conversion[] = [];
    entries.forEach((entry, index) => {
      try {
        const conversion = parseConversion(entry);
        const other = found.find(({ fileName }) => fileName === conversion.fileName);
        if (other) {
          throw new Error(
            other.name === conversion.name
              ? `"${conversion.name}" stands in the list twice`
              : `"${conversion.name}" would overwrite ${other.fileName}, which "${other.name}" makes`,
          );
        }
        found.push(conversion);
      } catch (error) {
        context.addIssue({ code: "custom", path: [index], message: (error as Error).message });
      }
    });
    return found;
  }),
);

const libvirtUri = text(DEFAULT_LIBVIRT_URI).refine((uri) => LIBVIRT_URI.test(uri), {
  error: ({ input }) =>
    `${quote(input)} is not the URI of a QEMU driver; write it as in qemu:///system or qemu+ssh://root@host/system`,
});

/** A kind of place that takes copies: its own options, and those of every place. */
function place<T extends z.ZodRawShape>(shape: T) {
  const all = {
    ...shape,
    keep: wholeNumber(1, 1000).default(3),
    files: z.array(text("kragle.raw"), listOf("released files")).default([]),
  };
  return z.strictObject(all, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `${issue.keys?.join(", ")} is no option of this place; allowed are ${Object.keys(all).join(", ")}`
        : undefined,
  });
}

const publication = z
  .union(
    [
      place({ folder: text("/srv/images").min(1, "must name a folder") }),
      place({
        pool: text("images").min(1, "must name a storage pool"),
        uri: libvirtUri.optional(),
      }),
    ],
    {
      error: ({ input }) =>
        `${quote(input)} is not a place; write {folder: PATH} or {pool: NAME, uri: ${DEFAULT_LIBVIRT_URI}}, with keep (a whole number, 3) and files (released files, all of them)`,
    },
  )
  .transform(({ keep, files, ...to }): PublicationSpec => {
    const destination = "folder" in to ? to : { pool: to.pool, uri: to.uri ?? DEFAULT_LIBVIRT_URI };
    return { name: publicationName(destination), destination, files, keep };
  });

const publish = structured(
  z.array(publication, listOf("places")).superRefine((places, context) => {
    places.forEach(({ name }, index) => {
      if (places.findIndex((other) => other.name === name) === index) return;
      context.addIssue({
        code: "custom",
        path: [index],
        message: "this place stands in the list twice",
      });
    });
  }),
);

const timeouts = structured(
  z.strictObject(
    Object.fromEntries(
      Object.keys(DEFAULT_TIMEOUT_MINUTES).map((step) => [step, wholeNumber(1, 10_000).optional()]),
    ),
    {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? `${issue.keys?.join(", ")} is not a step; allowed are ${Object.keys(DEFAULT_TIMEOUT_MINUTES).join(", ")}`
          : `${quote(issue.input)} is not allowed; write minutes by step, such as {"image": 90}`,
    },
  ),
).transform((minutes) => {
  const merged = { ...DEFAULT_TIMEOUT_MINUTES, ...(minutes as Partial<Timeouts>) };
  return Object.fromEntries(
    Object.entries(merged).map(([step, value]) => [step, value * 60]),
  ) as unknown as Timeouts;
});

const isoUrls = structured(
  z.array(
    z.string().refine((url) => /^https?:\/\/\S+$/.test(url), {
      error: "is not the address of a file; write it as in https://host/folder/name.iso",
    }),
    listOf("addresses"),
  ),
);

/** A value that no message repeats. Packer would take "{{" in it for a command of its own. */
const credential = optional(
  z
    .string({ error: "is not text; put it in quotes" })
    .refine((value) => !value.includes("{{"), 'contains "{{", which Packer cannot take'),
);

const schema = z.object({
  template: parsed("debian12", findTemplate),
  path: optional(text("build/dev")),
  diskSize: parsed("4 GiB", parseSize),
  memory: parsed("1 GiB", parseSize).refine(
    (bytes) => bytes >= 256 * 2 ** 20,
    "at least 256 MiB are needed",
  ),
  cpus: wholeNumber(1, 64),
  kernel: oneOf(["cloud", "generic"]),
  provision,
  formats,
  publish,
  check: structured(checkSetting),
  smoke: oneOf(["qemu", "libvirt", "none"]),
  proof: oneOf(["quick", "full"]),
  libvirtUri,
  accelerator: oneOf(["auto", "kvm", "tcg"]),
  privileged: flag,
  vnc: z.preprocess(
    (value) => (value === "off" || value === false || value === "false" ? null : value),
    wholeNumber(1024, 65_535, "off or a whole number").nullable(),
  ),
  isoPath: optional(text("build/rhel7/os/name.iso")),
  isoUrls,
  isoSha256: optional(
    text("64 hexadecimal digits").refine((value) => /^[0-9a-f]{64}$/i.test(value), {
      error: ({ input }) => `${quote(input)} is not a SHA-256, which has 64 hexadecimal digits`,
    }),
  ),
  rhsmUsername: credential,
  rhsmPassword: credential,
  rhsmOrg: credential,
  rhsmActivationKey: credential,
  builderImage: optional(text("registry/kragle-tools:1")),
  baseImage: text("debian:bookworm-slim").min(1, "must name a Docker image"),
  packer: oneOf(["auto", "release", "distribution"]),
  snapshot: optional(
    text("2026-11-01").refine(isDay, {
      error: (issue) => `${quote(issue.input)} is not a day; write it as in 2026-11-01`,
    }),
  ),
  refreshAfter: optional(
    parsed("7 days", parseDuration).refine(
      (seconds) => seconds >= 86_400,
      "at least 1 day is needed",
    ),
  ),
  signKey: optional(
    text("~/.ssh/release").refine((value) => value !== "gpg:", "write the key's id behind gpg:"),
  ),
  timeouts,
});

export const SETTING_NAMES = Object.keys(schema.shape);

/**
 * Makes an image's description of a stack's settings.
 *
 * @param values the settings by name without the prefix `kragle:`; numbers and lists may come as text, as Pulumi hands them over
 * @throws SettingsError that names every wrong setting and what is allowed
 */
export function parseSettings(values: Readonly<Record<string, unknown>>, stack: string): ImageSpec {
  const problems = Object.keys(values)
    .filter((name) => !SETTING_NAMES.includes(name))
    .map((name) => `kragle:${name} is not a setting; allowed are ${SETTING_NAMES.join(", ")}`);
  const result = schema.safeParse(values);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const [name, ...rest] = issue.path;
      const place = rest.map((part) =>
        typeof part === "number" ? `[${part}]` : `.${String(part)}`,
      );
      const text = name !== undefined && !(String(name) in values) ? "is missing" : issue.message;
      problems.push(`kragle:${String(name)}${place.join("")}: ${text}`);
    }
  }
  const template = schema.shape.template.safeParse(values.template);
  const disk = schema.shape.diskSize.safeParse(values.diskSize);
  if (template.success && disk.success && disk.data < template.data.minimumDiskBytes) {
    problems.push(
      `kragle:diskSize: "${String(values.diskSize)}" is too small for ${template.data.name}, which needs at least ${formatSize(template.data.minimumDiskBytes)}`,
    );
  }
  problems.push(...impossibleProofs(values));
  if (!result.success) throw new SettingsError(problems);
  const { diskSize, memory, isoPath, isoUrls, isoSha256, ...others } = result.data;
  const path = others.path ?? `build/${stack}`;
  const { credentials, rest } = takeCredentials(others);
  problems.push(...credentialProblems(credentials));
  const { medium } = rest.template;
  const file = medium && (isoPath ?? join(path, "os", medium.iso));
  if (medium && !isoSha256) problems.push(missingSha256(rest.template, medium, file!, isoUrls));
  if (medium && rest.snapshot) {
    problems.push("kragle:snapshot: an ISO has no earlier states; leave it out");
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return {
    ...rest,
    path,
    iso: file === null ? null : { path: file, urls: isoUrls, sha256: isoSha256!.toLowerCase() },
    credentials,
    diskBytes: diskSize,
    memoryMiB: Math.floor(memory / 2 ** 20),
  };
}

/** The templates that come with kragle. */
export function templateNames(): string[] {
  return readdirSync(templatesFolder)
    .filter((name) => existsSync(join(templatesFolder, name, "template.json")))
    .sort();
}

/** What the driver cannot do: libvirt's user network lets nobody in, and it boots by one firmware. */
function impossibleProofs(values: Readonly<Record<string, unknown>>): string[] {
  const { smoke, proof } = values;
  const template = schema.shape.template.safeParse(values.template);
  const problems: string[] = [];
  if (proof === "full" && (smoke === "libvirt" || smoke === "none")) {
    problems.push(`kragle:proof: full needs smoke: qemu, and smoke is ${smoke}`);
  }
  if (smoke === "libvirt" && template.success && template.data.smoke.channel === "ssh") {
    problems.push(
      `kragle:smoke: libvirt needs a guest agent, and ${template.data.name} is asked by SSH; use smoke: qemu`,
    );
  }
  if (smoke === "libvirt" && template.success && template.data.smoke.firmware[0] !== "bios") {
    problems.push(
      `kragle:smoke: libvirt boots by BIOS, and ${template.data.name} boots by UEFI; use smoke: qemu`,
    );
  }
  return problems;
}

const templateFile = z.object({
  minimumDiskBytes: z.number().int(),
  install: z.enum(["bootstrap", "iso"]).default("bootstrap"),
  smoke: z
    .object({
      channel: z.enum(["agent", "ssh"]).default("agent"),
      firmware: z
        .array(z.enum(["bios", "uefi"]))
        .nonempty()
        .default(["bios", "uefi"]),
    })
    .prefault({}),
});

/** Of a template that is installed from an ISO. */
const mediumFile = z.object({
  iso: z.string(),
  isoChecksum: z.string().default("its publisher shows it beside the download"),
  expectedImageBytes: z.number().int(),
});

function findTemplate(name: string): Template {
  const own = name.includes("/");
  const folder = own ? name : join("builder", "templates", name);
  const file = join(inProject(folder), "template.json");
  if (!own && !templateNames().includes(name)) {
    throw new Error(
      `"${name}" is not a template; allowed are ${templateNames().join(", ")}, or the path of a folder such as ./my-template`,
    );
  }
  if (!existsSync(file)) throw new Error(`the template folder "${name}" has no template.json`);
  const content: unknown = JSON.parse(readFileSync(file, "utf8"));
  const describe = ({ issues: [first] }: z.ZodError) =>
    `${name}/template.json: ${first!.path.join(".")}: ${first!.message}`;
  const facts = templateFile.safeParse(content);
  if (!facts.success) throw new Error(describe(facts.error));
  const { install, ...common } = facts.data;
  const medium = install === "iso" ? mediumFile.safeParse(content) : null;
  if (medium?.error) throw new Error(describe(medium.error));
  return { name, folder, ...common, medium: medium?.data ?? null };
}

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return (
    /^\d{4}-\d{2}-\d{2}$/.test(text) &&
    !Number.isNaN(time) &&
    new Date(time).toISOString().startsWith(text)
  );
}
