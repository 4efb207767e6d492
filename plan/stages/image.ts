import { z } from "zod";

import { contract } from "./contract";
import {
  accelerator,
  acceleratorSetting,
  allow,
  fileDigests,
  key,
  seconds,
  size,
  toolsImage,
  vnc,
} from "./fields";

/** The file of the finished image. */
export const IMAGE = "image.qcow2";

/** What generalisation took away, a path a line: what was done, why, the path, the script in whose time it had changed last. */
export const REMOVED = "removed.tsv";

/** The golden image: Packer boots an overlay of the base, runs the scripts, generalises and shuts down. */
export const image = contract({
  stage: "image",
  version: 2,
  inputs: z.strictObject({
    /** kragle's programs that drive Packer. */
    programs: fileDigests,
    /** The template's Packer part. */
    template: fileDigests,
    /** Provisioning scripts, named so that their order is the order in which they run. */
    scripts: fileDigests,
    memoryMiB: size,
    cpus: size,
  }),
  upstream: z.strictObject({ base: key }),
  request: z.strictObject({
    toolsImage,
    templateFolder: z.string(),
    /** Path of each script by its name in the inputs. */
    scripts: z.record(z.string(), z.string()),
    diskBytes: size,
    accelerator: acceleratorSetting,
    privileged: z.boolean(),
    vnc,
    allow,
    /** Seconds with KVM; ten times as long without it. */
    timeouts: z.strictObject({
      whole: seconds,
      progress: seconds,
      ssh: seconds,
      script: seconds,
      shutdown: seconds,
    }),
  }),
  result: z.strictObject({
    image: z.literal(IMAGE),
    /** How many packages the guest's package manager counted. */
    packages: size,
    packer: z.string(),
    qemu: z.string(),
    accelerator,
    /** How many paths generalisation took away; `removed.tsv` lists them. */
    removed: size,
  }),
});
