import { z } from "zod";

import { SOURCE_FORMATS } from "../sourceFormats";
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
  sha512,
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

/** The digest beside it, by which its publisher tells it, is of the file as it was published, so of the compressed one where it is compressed. */
const everyImport = { ...everyInstallation, sourceFormat: z.enum(SOURCE_FORMATS) };

/** The file of the installed disk. */
export const DISK = "disk.qcow2";

/** An installed disk: bootstrapped from packages, by the installer of an ISO, or one that somebody else made. */
export const base = contract({
  stage: "base",
  version: 1,
  inputs: z.union([
    z.strictObject({
      ...everyInstallation,
      kernel: z.enum(["cloud", "generic"]),
      /** The release's code name; absent where it is that of the recipe's template.json. */
      suite: z.string().optional(),
      /** Day of the package mirror, `YYYY-MM-DD`; null for today's packages. */
      snapshot: z.string().nullable(),
    }),
    z.strictObject({ ...everyInstallation, isoSha256: sha256 }),
    z.strictObject({ ...everyImport, sourceSha256: sha256 }),
    z.strictObject({ ...everyImport, sourceSha512: sha512 }),
  ]),
  upstream: z.strictObject({ builder: key }),
  request: z.strictObject({
    toolsImage,
    templateFolder: z.string(),
    /** Where the ISO or the disk lies, relative to the project or absolute; null for what is only fetched, and for a system that is bootstrapped. */
    sourcePath: z.string().nullable(),
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
    z.strictObject({
      disk: z.literal(DISK),
      /** Size of the disk as it was published. */
      sourceBytes: size,
      qemu: z.string(),
    }),
  ]),
});
