import { createHash } from "node:crypto";

import type { StageCall } from "../plan/stages/call";
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

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Digests of programs that are not there: another variant makes another stage of otherwise equal inputs. */
export const variant = (text: string) => ({ "sample.py": sha256(text) });

const call = <C extends StageContract>(
  { description }: ReturnType<typeof plan<C>>,
  root: string,
  request: RequestOf<C>,
): StageCall<C> => ({ stack: "test", root, description, request });

/** What a base and an image stage tell, for artifacts that a test lays into a store. */
export const BASE_RESULT: ResultOf<typeof base> = {
  disk: "disk.qcow2",
  packageList: "packages.tsv",
};
export const IMAGE_RESULT: ResultOf<typeof image> = {
  ...{ image: "image.qcow2", packages: 1, packer: "1.6.6", qemu: "7.2.22", accelerator: "tcg" },
};

export const RELEASE_RESULT: ResultOf<typeof release> = {
  imagePath: "build/dev/output/packer-kragle-qcow2",
  imageSha256: sha256("image"),
  ...{ imageBytes: 8, imageVirtualBytes: 2 ** 32, conversions: {} },
  smoke: { passed: true, driver: "qemu", seconds: { login: 38.2 } },
  ...{ accelerator: "tcg", builderImageId: `sha256:${sha256("builder")}` },
  manifestPath: "build/dev/output/manifest.json",
  reportPath: "build/dev/output/report.html",
  key: sha256("release"),
  releasedAt: "2026-11-25T02:02:00.000Z",
  ...{ signer: null, packages: 1, tools: IMAGE_RESULT, files: {} },
};

type Bootstrapped = Exclude<InputsOf<typeof base>, { isoSha256: string }>;

export function baseCall(
  request: Pick<RequestOf<typeof base>, "toolsImage" | "templateFolder"> &
    Partial<RequestOf<typeof base>>,
  inputs: Partial<Bootstrapped> = {},
): StageCall<typeof base> {
  const planned = plan(
    base,
    {
      ...{ architecture: "amd64", programs: variant(""), recipe: {}, diskBytes: 2 ** 20 },
      ...{ kernel: "cloud", snapshot: null },
      ...inputs,
    },
    { builder: sha256("builder") },
  );
  return call(planned, base.stage, {
    ...{ isoPath: null, memoryMiB: 256, cpus: 1, accelerator: "tcg", privileged: false, vnc: null },
    ...{ timeoutSeconds: 60, silenceSeconds: 60 },
    ...request,
  });
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
      ...{ programs: variant(""), template: {}, scripts: {}, memoryMiB: 256, cpus: 1 },
      ...inputs,
    },
    { base: baseKey },
  );
  return call(planned, image.stage, {
    ...{ scripts: {}, accelerator: "tcg", privileged: false, vnc: null },
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
  const planned = plan(convert, { programs: variant(""), ...inputs }, { imageSha256 });
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
        programs: variant(""),
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
