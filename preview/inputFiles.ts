import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import type { FileDigests, ImageFiles } from "../plan/imagePlan";
import { type ProgramSet, PROGRAMS } from "../plan/programs";
import type { PublishedDigest } from "../plan/publishedDigest";
import type { ImageSpec, UserTest } from "../plan/imageSpec";
import { catalogueDigest } from "../rules/catalogue";
import { contentDigest, readContent } from "../host/fileDigest";
import { builderFolder, inProject, ownPath, programsFolder } from "../host/project";
import { describeStep } from "./steps";

/** What decides which packages the tools image has. */
const TOOLS_IMAGE = ["Dockerfile", "install-tools.sh"];

/** The part of a template folder that belongs to the image stage; the rest is the recipe of the base. */
const PACKER_PART = "image.json";
/** The template's own provisioning scripts. */
const SCRIPTS = "provision";

/** What brings the system onto the disk. */
const INSTALLERS = { bootstrap: "bootstrap", iso: "install", disk: "importDisk" } as const;

/**
 * Reads the digests of every file that an image depends on.
 *
 * @param source of the disk that it begins with; null for none
 */
export function readInputFiles(spec: ImageSpec, source: PublishedDigest | null = null): ImageFiles {
  const folder = inProject(spec.template.folder);
  // of template.json, what is used is an input by itself; only the recipe of a bootstrapped base reads the file
  const { install } = spec.template;
  const facts = install === "bootstrap" ? [] : ["template.json"];
  const template = digests(
    folder,
    (name) =>
      !name.includes("__pycache__/") &&
      // of a version control, or an editor
      !name.startsWith(".") &&
      !name.startsWith(`${SCRIPTS}/`) &&
      !facts.includes(name),
  );
  const { [PACKER_PART]: packerPart, ...base } = template;
  if (!packerPart) throw new Error(`the template ${spec.template.name} has no ${PACKER_PART}`);
  return {
    builder: namedDigests(builderFolder, TOOLS_IMAGE),
    programs: {
      base: programs(INSTALLERS[install]),
      image: programs("image"),
      check: programs("check"),
      convert: programs("command"),
      smoke: {
        // a guest under libvirt needs no container
        ...(spec.smoke === "libvirt" ? {} : programs("command")),
        ...(spec.tests.length > 0 ? programs("tests") : {}),
      },
    },
    base,
    template: { [PACKER_PART]: packerPart },
    scripts: Object.fromEntries(
      Object.entries(templateScripts(spec)).map(([name, path]) => [
        name,
        fileDigest(inProject(path)),
      ]),
    ),
    steps: spec.provision.map((step) => describeStep(step, spec.variables)),
    rules: catalogueDigest(),
    source,
    tests: Object.fromEntries(
      userTests(spec).map(([name, { script }]) => [name, fileDigest(inProject(script))]),
    ),
    ownRules: Object.fromEntries(
      spec.check.rules.map((path, index) => [
        `${index + 1}-${basename(path)}`,
        fileDigest(inProject(path)),
      ]),
    ),
  };
}

/**
 * kragle's own scripts of the image stage, and the template's: name in the order of running → path. They come first (00 to 49) or last
 * (80 to 89, and 90 to 99, generalisation); the user's steps are between them, see stepNames.
 */
export function templateScripts(spec: ImageSpec): Record<string, string> {
  const own = [ownPath("builder"), spec.template.folder]
    .map((parent) => join(parent, SCRIPTS))
    .filter((folder) => existsSync(inProject(folder)))
    .flatMap((folder) =>
      readdirSync(inProject(folder))
        .filter((name) => /^\d\d-/.test(name))
        .map((name) => [name, join(folder, name)] as const),
    );
  return Object.fromEntries(own.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The user's tests, each with its name in the order of running. */
export function userTests({ tests }: ImageSpec): (readonly [string, UserTest])[] {
  const digits = String(tests.length).length;
  return tests.map((test, index) => {
    const number = String(index + 1).padStart(digits, "0");
    return [`${number}-${basename(test.script)}`, test] as const;
  });
}

function digests(folder: string, wanted: (name: string) => boolean): FileDigests {
  return namedDigests(folder, filesBelow(folder).filter(wanted).sort());
}

const namedDigests = (folder: string, names: readonly string[]): FileDigests =>
  Object.fromEntries(names.map((name) => [name, fileDigest(join(folder, name))]));

const programs = (set: ProgramSet): FileDigests => namedDigests(programsFolder, PROGRAMS[set]);

/** Every file below a folder, relative to it; also by links, by which templates share their parts. */
export function filesBelow(folder: string, inside = ""): string[] {
  return readdirSync(join(folder, inside)).flatMap((entry) => {
    const name = join(inside, entry);
    const facts = statSync(join(folder, name));
    return facts.isDirectory() ? filesBelow(folder, name) : facts.isFile() ? [name] : [];
  });
}

/** As it stands in keys, and in a release's provenance. */
export const fileDigest = (file: string): string => contentDigest(readContent(file));
