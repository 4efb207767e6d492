import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { readText } from "../host/files";
import { builderFolder, inProject, ownPath } from "../host/project";
import { expandHome } from "../host/user";
import type { Template } from "../plan/imageSpec";
import { packerPartProblems } from "./packerPart";
import { readTemplateFile } from "./templateFile";

const templatesFolder = join(builderFolder, "templates");

/** The templates that come with kragle. */
export function templateNames(): string[] {
  return readdirSync(templatesFolder)
    .filter((name) => existsSync(join(templatesFolder, name, "template.json")))
    .sort();
}

/** @throws Error that says which templates there are, or what is wrong with this one */
export function findTemplate(name: string): Template {
  const own = name.includes("/");
  const folder = own ? expandHome(name) : ownPath(join("builder", "templates", name));
  const file = join(inProject(folder), "template.json");
  if (!own && !templateNames().includes(name)) {
    throw new Error(
      `"${name}" is not a template; allowed are ${templateNames().join(", ")}, or the path of a folder such as ./my-template`,
    );
  }
  if (!existsSync(file)) throw new Error(`the template folder "${name}" has no template.json`);
  const content = readJson(file, `${name}/template.json`);
  const { facts, problems } = readTemplateFile(content);
  if (!facts) throw new Error(problems.map((text) => `${name}/template.json: ${text}`).join("; "));
  const lacking = PARTS[facts.install].filter((part) => !existsSync(join(inProject(folder), part)));
  if (lacking.length > 0) {
    throw new Error(`the template folder "${name}" has no ${lacking.join(", no ")}`);
  }
  const packer = packerPartProblems(
    readJson(join(inProject(folder), "image.json"), `${name}/image.json`),
  );
  if (packer.length > 0) {
    throw new Error(
      `${name}/image.json ${packer.join("; ")}; docs/templates.md says what of it kragle uses`,
    );
  }
  const program = join(inProject(folder), "base.py");
  if (facts.install === "bootstrap" && (statSync(program).mode & 0o111) === 0) {
    throw new Error(`${name}/base.py is not executable; run chmod +x on it`);
  }
  const { install, minimumDiskBytes, smoke } = facts;
  const common = { ...{ name, folder, install, minimumDiskBytes, smoke }, ...NOTHING };
  if (facts.install === "bootstrap") {
    return { ...common, suite: facts.suite, kernels: facts.kernels };
  }
  if (facts.install === "disk") return common;
  const { iso, isoChecksum, expectedImageBytes } = facts;
  return { ...common, medium: { iso, isoChecksum, expectedImageBytes } };
}

/** What only templates of one kind have. */
const NOTHING = { suite: null, kernels: [], medium: null };

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
