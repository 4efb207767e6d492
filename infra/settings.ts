import { join } from "node:path";

import { z } from "zod";

import type { ImageSpec } from "../plan/imageSpec";
import { formatSize, parseDuration, parseSize } from "../plan/units";
import { missingSha256 } from "./medium";
import { checkSetting } from "./settings/check";
import { credentialProblems, takeCredentials } from "./settings/credentials";
import { formats, isoUrls, provision } from "./settings/lists";
import { libvirtUri, publish } from "./settings/publish";
import { findTemplate } from "./settings/template";
import { timeouts } from "./settings/timeouts";
import {
  credential,
  day,
  flag,
  oneOf,
  optional,
  parsed,
  quote,
  structured,
  text,
  wholeNumber,
} from "./settings/values";

/** Every wrong setting of a run, so that they can be mended at once. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly string[]) {
    const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`;
    super([`${count} wrong:`, ...problems.map((problem) => `  ${problem}`)].join("\n"));
  }
}

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
  snapshot: optional(day),
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
