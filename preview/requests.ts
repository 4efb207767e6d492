import type { StageDescription } from "../plan/description";
import { releasedName } from "../plan/fileNames";
import { imageIdOf } from "../plan/imageIdentity";
import type { ImageSpec } from "../plan/imageSpec";
import type { base } from "../plan/stages/base";
import type { check } from "../plan/stages/check";
import type { RequestOf, StageContract } from "../plan/stages/contract";
import type { convert } from "../plan/stages/convert";
import type { image } from "../plan/stages/image";
import type { release } from "../plan/stages/release";
import type { smoke } from "../plan/stages/smoke";
import { stepTitle } from "../plan/steps";
import type { Conversion } from "../plan/formats";
import type { ToldSettings } from "../settings/toldSettings";
import { templateScripts, userTests } from "./inputFiles";
import { stepRequests } from "./steps";

/** Each stage's request (what is not in its key), from an image's settings; the components add what only they know. */

type OwnPart<C extends StageContract> = Omit<RequestOf<C>, "toolsImage" | "imageKey" | "libvirt">;

export const baseRequest = (spec: ImageSpec): OwnPart<typeof base> => ({
  templateFolder: spec.template.folder,
  sourcePath: (spec.from ?? spec.iso)?.path ?? null,
  memoryMiB: spec.memoryMiB,
  cpus: spec.cpus,
  accelerator: spec.accelerator,
  privileged: spec.privileged,
  vnc: spec.vnc,
  allow: [...spec.network.allow],
  packageCache: spec.packageCache,
  timeoutSeconds: spec.timeouts.base,
  silenceSeconds: spec.timeouts.progress,
});

export const imageRequest = (spec: ImageSpec, stack: string): OwnPart<typeof image> => ({
  templateFolder: spec.template.folder,
  scripts: templateScripts(spec),
  steps: stepRequests(spec.provision),
  diskBytes: spec.diskBytes,
  identity: { imageId: spec.imageId ?? imageIdOf(stack), version: spec.version },
  points: pointBytes(spec),
  packageCache: spec.packageCache,
  accelerator: spec.accelerator,
  privileged: spec.privileged,
  vnc: spec.vnc,
  allow: [...spec.network.allow],
  timeouts: {
    whole: spec.timeouts.image,
    progress: spec.timeouts.progress,
    ssh: spec.timeouts.ssh,
    script: spec.timeouts.script,
    shutdown: spec.timeouts.shutdown,
  },
});

/** None of a guest that is registered with Red Hat: the disk has the registration's certificates, and the build ends it at Red Hat. */
export const pointBytes = ({ points, credentials }: ImageSpec) =>
  Object.keys(credentials).length > 0 ? 0 : points;

export const checkRequest = ({ check: own, timeouts }: ImageSpec): OwnPart<typeof check> => ({
  rules: [...own.rules],
  timeoutSeconds: timeouts.check,
});

export const convertRequest = (
  { timeouts }: ImageSpec,
  { fileName }: Conversion,
): OwnPart<typeof convert> => ({ fileName, timeoutSeconds: timeouts.convert });

export const smokeRequest = (spec: ImageSpec): OwnPart<typeof smoke> => ({
  diskBytes: spec.diskBytes,
  accelerator: spec.accelerator,
  timeoutSeconds: spec.timeouts.smoke,
  silenceSeconds: spec.timeouts.progress,
  ...(spec.tests.length > 0 ? { tests: testPlaces(spec) } : {}),
});

/** @param builder what it declared */
export const releaseRequest = (
  spec: ImageSpec,
  stack: string,
  { parameters, changed }: ToldSettings,
  builder: StageDescription,
): OwnPart<typeof release> => ({
  stack,
  virtualBytes: spec.diskBytes,
  conversions: spec.formats.map((conversion) => {
    const { name, format, fileName: stored } = conversion;
    return { name, format, stored, fileName: releasedName(conversion, spec.imageName) };
  }),
  signKey: spec.signKey,
  parameters,
  changed: [...changed],
  steps: spec.provision.map(stepTitle),
  baseImage: spec.baseImage,
  builder,
});

const testPlaces = (spec: ImageSpec) =>
  Object.fromEntries(
    userTests(spec).map(([name, { script, timeoutSeconds = spec.timeouts.smoke }]) => [
      name,
      { script, timeoutSeconds },
    ]),
  );
