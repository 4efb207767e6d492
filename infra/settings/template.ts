import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import type { Template } from "../../plan/imageSpec";
import { channel, firmware } from "../../plan/stages/fields";
import { readText } from "../../host/files";
import { builderFolder, inProject } from "../../host/project";
import { expandHome } from "../../host/user";

const templatesFolder = join(builderFolder, "templates");

/** The templates that come with kragle. */
export function templateNames(): string[] {
  return readdirSync(templatesFolder)
    .filter((name) => existsSync(join(templatesFolder, name, "template.json")))
    .sort();
}

const templateFile = z.object({
  minimumDiskBytes: z.int().positive(),
  install: z.enum(["bootstrap", "iso", "disk"]).default("bootstrap"),
  smoke: z
    .object({
      channel: channel.default("agent"),
      firmware: z.tuple([firmware], firmware).default(["bios", "uefi"]),
    })
    .prefault({}),
});

/** Of a template that is bootstrapped. */
const suiteFile = z.object({
  suite: z
    .string({ error: 'is lacking: the release that base.py installs, such as "bookworm"' })
    .regex(/^[a-z][a-z0-9.-]*$/, 'must be a release\'s code name, such as "bookworm"'),
});

/** Of a template that is installed from an ISO. */
const mediumFile = z.object({
  iso: z.string(),
  isoChecksum: z.string().default("its publisher shows it beside the download"),
  expectedImageBytes: z.number().int(),
});

/** @throws Error that says which templates there are, or what is wrong with this one */
export function findTemplate(name: string): Template {
  const own = name.includes("/");
  const folder = own ? expandHome(name) : join("builder", "templates", name);
  const file = join(inProject(folder), "template.json");
  if (!own && !templateNames().includes(name)) {
    throw new Error(
      `"${name}" is not a template; allowed are ${templateNames().join(", ")}, or the path of a folder such as ./my-template`,
    );
  }
  if (!existsSync(file)) throw new Error(`the template folder "${name}" has no template.json`);
  const content = readJson(file, `${name}/template.json`);
  const describe = ({ issues: [first] }: z.ZodError) =>
    [`${name}/template.json`, first!.path.join("."), first!.message].filter(Boolean).join(": ");
  const facts = templateFile.safeParse(content);
  if (!facts.success) throw new Error(describe(facts.error));
  const { install, ...common } = facts.data;
  const suite = install === "bootstrap" ? suiteFile.safeParse(content) : null;
  if (suite?.error) throw new Error(describe(suite.error));
  const medium = install === "iso" ? mediumFile.safeParse(content) : null;
  if (medium?.error) throw new Error(describe(medium.error));
  const lacking = PARTS[install].filter((part) => !existsSync(join(inProject(folder), part)));
  if (lacking.length > 0) {
    throw new Error(`the template folder "${name}" has no ${lacking.join(", no ")}`);
  }
  return { name, folder, install, ...common, medium: medium?.data ?? null };
}

/** What a template consists of, by the way in which its system comes onto the disk. */
const PARTS = {
  bootstrap: ["base.py", "image.json"],
  iso: ["install.json", "image.json"],
  disk: ["image.json"],
} as const;

function readJson(file: string, shown: string): unknown {
  try {
    return JSON.parse(readText(file));
  } catch (error) {
    throw new Error(`${shown}: ${(error as Error).message}`, { cause: error });
  }
}
