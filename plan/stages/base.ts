import { z } from "zod";

import { contract } from "./contract";
import {
  accelerator,
  acceleratorSetting,
  allow,
  architecture,
  fileDigests,
  key,
  packageCache,
  seconds,
  sha256,
  size,
  toolsImage,
  vnc,
} from "./fields";

const everyInstallation = {
  architecture,
  /** kragle's programs that install the system. */
  programs: fileDigests,
  /** The template's files that say how. */
  recipe: fileDigests,
  diskBytes: size,
  /** The day on which a base that is refreshed by its age was begun; absent where `refreshAfter` is not used. */
  epoch: z.string().optional(),
};

/** The file of the installed disk. */
export const DISK = "disk.qcow2";

/** An installed disk: bootstrapped from packages, or by the installer of an ISO. */
export const base = contract({
  stage: "base",
  version: 1,
  inputs: z.union([
    z.strictObject({
      ...everyInstallation,
      kernel: z.enum(["cloud", "generic"]),
      /** Day of the package mirror, `YYYY-MM-DD`; null for today's packages. */
      snapshot: z.string().nullable(),
    }),
    z.strictObject({ ...everyInstallation, isoSha256: sha256 }),
  ]),
  upstream: z.strictObject({ builder: key }),
  request: z.strictObject({
    toolsImage,
    templateFolder: z.string(),
    /** Where the ISO lies, relative to the project or absolute; null for a system that is bootstrapped. */
    isoPath: z.string().nullable(),
    /** The guest in which an installer runs. */
    memoryMiB: size,
    cpus: size,
    accelerator: acceleratorSetting,
    privileged: z.boolean(),
    vnc,
    allow,
    packageCache,
    timeoutSeconds: seconds,
    silenceSeconds: seconds,
  }),
  result: z.union([
    z.strictObject({ disk: z.literal(DISK), packageList: z.string() }),
    z.strictObject({
      disk: z.literal(DISK),
      /** The ISO's volume label. */
      medium: z.string(),
      /** How many packages the installer counted. */
      packages: size,
      packer: z.string(),
      qemu: z.string(),
      accelerator,
    }),
  ]),
});
