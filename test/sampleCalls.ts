import { join } from "node:path";

import { contentDigest, readContent } from "../host/fileDigest";
import { inProject, programsFolder } from "../host/project";
import { filesBelow } from "../preview/inputFiles";
import type { FileDigests } from "../plan/imagePlan";
import { type ProgramSet, PROGRAMS } from "../plan/programs";

import type { StageCall } from "../plan/stages/call";
import type { ImageIdentity } from "../plan/imageIdentity";
import { base } from "../plan/stages/base";
import {
  plan,
  type InputsOf,
  type RequestOf,
  type ResultOf,
  type StageContract,
} from "../plan/stages/contract";
import { convert } from "../plan/stages/convert";
import { image } from "../plan/stages/image";
import { publish } from "../plan/stages/publish";
import type { release } from "../plan/stages/release";
import { smoke } from "../plan/stages/smoke";
import { sha256 } from "./sha256";

const digestOf = (file: string) => contentDigest(readContent(file));

/**
 * kragle's programs as they are, which a stage's container gets.
 *
 * @param more names of further ones: they make another stage of otherwise equal inputs
 */
export const programs = (set: ProgramSet, ...more: string[]): FileDigests =>
  Object.fromEntries(
    [...PROGRAMS[set], ...more].map((name) => [name, digestOf(join(programsFolder, name))]),
  );

const call = <C extends StageContract>(
  { description }: ReturnType<typeof plan<C>>,
  root: string,
  request: RequestOf<C>,
): StageCall<C> => ({ project: "kragle", stack: "test", root, description, request });

/** What a sample image says it is. */
export const IMAGE_IDENTITY: ImageIdentity = {
  ...{ imageId: "dev", imageVersion: "1.4", buildId: "20261129.083105.0123456789ab" },
};

/** What a base and an image stage tell, for artifacts that a test lays into a store. */
export const BASE_RESULT: ResultOf<typeof base> = {
  disk: "disk.qcow2",
  packageList: "packages.tsv",
};
export const IMAGE_RESULT: ResultOf<typeof image> = {
  ...{ image: "image.qcow2", packages: 1, packer: "1.6.6", qemu: "7.2.22", accelerator: "tcg" },
  removed: 0,
  secrets: [],
  identity: IMAGE_IDENTITY,
};

const { identity: _, secrets: __, ...TOOLS } = IMAGE_RESULT;

export const RELEASE_RESULT: ResultOf<typeof release> = {
  imagePath: "build/dev/output/packer-kragle-qcow2",
  imageSha256: sha256("image"),
  ...{ imageBytes: 8, imageVirtualBytes: 2 ** 32, conversions: {} },
  smoke: { passed: true, driver: "qemu", seconds: { login: 38.2 } },
  ...IMAGE_IDENTITY,
  ...{ accelerator: "tcg", builderImageId: `sha256:${sha256("builder")}` },
  manifestPath: "build/dev/output/manifest.json",
  reportPath: "build/dev/output/report.html",
  key: sha256("release"),
  releasedAt: "2026-11-25T02:02:00.000Z",
  ...{ signer: null, packages: 1, tools: TOOLS, files: {}, sizes: {} },
};

type Bootstrapped = Extract<InputsOf<typeof base>, { kernel: string }>;

/** The files of a template folder that has nothing but a recipe; none where there is no folder. */
function recipeIn(folder: string): FileDigests {
  if (!folder) return {};
  return Object.fromEntries(
    filesBelow(inProject(folder))
      .filter((name) => !/^(provision\/|image\.json$)|__pycache__/.test(name))
      .map((name) => [name, digestOf(join(inProject(folder), name))]),
  );
}

const BASE_REQUEST = {
  ...{ sourcePath: null, memoryMiB: 256, cpus: 1, accelerator: "tcg", privileged: false },
  ...{ vnc: null, allow: [], packageCache: 0, timeoutSeconds: 60, silenceSeconds: 60 },
} as const satisfies Partial<RequestOf<typeof base>>;

export function baseCall(
  request: Pick<RequestOf<typeof base>, "toolsImage" | "templateFolder"> &
    Partial<RequestOf<typeof base>>,
  inputs: Partial<Bootstrapped> = {},
): StageCall<typeof base> {
  const planned = plan(
    base,
    {
      ...{ architecture: "amd64", programs: programs("bootstrap"), diskBytes: 2 ** 20 },
      recipe: recipeIn(request.templateFolder),
      ...{ kernel: "cloud", snapshot: null },
      ...inputs,
    },
    { builder: sha256("builder") },
  );
  return call(planned, base.stage, { ...BASE_REQUEST, ...request });
}

/** @param source digest of a qcow2, from which the disk is made */
export function sourceCall(
  source: { readonly sourceSha256: string } | { readonly sourceSha512: string },
  request: Pick<RequestOf<typeof base>, "toolsImage"> & Partial<RequestOf<typeof base>>,
): StageCall<typeof base> {
  const planned = plan(
    base,
    {
      ...{ architecture: "amd64", programs: programs("importDisk"), recipe: {} },
      ...{ diskBytes: 32 * 2 ** 20, ...source, sourceFormat: "qcow2" },
    },
    { builder: sha256("builder") },
  );
  return call(planned, base.stage, { ...BASE_REQUEST, templateFolder: "", ...request });
}

export function imageCall(
  baseKey: string,
  request: Pick<RequestOf<typeof image>, "toolsImage" | "templateFolder" | "diskBytes"> &
    Partial<RequestOf<typeof image>>,
  inputs: Partial<InputsOf<typeof image>> = {},
): StageCall<typeof image> {
  const planned = plan(
    image,
    {
      ...{ programs: programs("image"), memoryMiB: 256, cpus: 1 },
      template: { "image.json": digestOf(join(inProject(request.templateFolder), "image.json")) },
      scripts: Object.fromEntries(
        Object.entries(request.scripts ?? {}).map(([name, path]) => [name, digestOf(path)]),
      ),
      steps: [],
      ...inputs,
    },
    { base: baseKey },
  );
  return call(planned, image.stage, {
    ...{ scripts: {}, steps: [], points: 0, accelerator: "tcg" },
    ...{ privileged: false, vnc: null, allow: [], packageCache: 0 },
    identity: { imageId: "test", version: null },
    // seconds; ten times as long under TCG
    timeouts: { whole: 60, progress: 60, ssh: 30, script: 30, shutdown: 30 },
    ...request,
  });
}

export function convertCall(
  imageSha256: string,
  root: string,
  inputs: Omit<InputsOf<typeof convert>, "programs"> & Partial<InputsOf<typeof convert>>,
  request: RequestOf<typeof convert>,
): StageCall<typeof convert> {
  const planned = plan(convert, { programs: programs("command"), ...inputs }, { imageSha256 });
  return call(planned, root, request);
}

export function smokeCall(
  imageSha256: string,
  request: Pick<RequestOf<typeof smoke>, "toolsImage" | "imageKey" | "diskBytes"> &
    Partial<RequestOf<typeof smoke>>,
): StageCall<typeof smoke> {
  const planned = plan(
    smoke,
    {
      ...{
        architecture: "amd64",
        programs: programs("command"),
        driver: "qemu",
        proof: "quick",
        channel: "agent",
      },
      ...{ firmware: ["bios"], memoryMiB: 256, cpus: 1 },
    },
    { imageSha256 },
  );
  // seconds; ten times as long under TCG
  const clocks = { timeoutSeconds: 4, silenceSeconds: 60 };
  return call(planned, smoke.stage, { accelerator: "tcg", ...clocks, ...request });
}

export function publishCall(
  releaseKey: string,
  root: string,
  inputs: InputsOf<typeof publish>,
  request: RequestOf<typeof publish>,
): StageCall<typeof publish> {
  return call(plan(publish, inputs, { release: releaseKey }), root, request);
}
