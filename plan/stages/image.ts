import { z } from "zod";

import { IDENTIFIER, imageIdentity } from "../imageIdentity";
import { step, stepRequest } from "../steps";
import { DISK } from "./base";
import { contract, type UpstreamOf } from "./contract";
import {
  accelerator,
  acceleratorSetting,
  allow,
  fileDigests,
  key,
  packageCache,
  seconds,
  sha256,
  size,
  toolsImage,
  vnc,
} from "./fields";

/** The file of the finished image. */
export const IMAGE = "image.qcow2";

/** What generalisation took away, a path a line: what was done, why, the path, the script in whose time it had changed last. */
export const REMOVED = "removed.tsv";

/** The golden image: Packer boots an overlay of the base or of another image, runs the scripts, generalises and shuts down. */
export const image = contract({
  stage: "image",
  version: 5,
  inputs: z.strictObject({
    /** kragle's programs that drive Packer. */
    programs: fileDigests,
    /** The template's Packer part. */
    template: fileDigests,
    /** kragle's own scripts and the template's, named so that their order is the order in which they run: 00 to 49 before the steps, 80 to 99 after them. */
    scripts: fileDigests,
    /** The user's, in the order in which they run. */
    steps: z.array(step),
    memoryMiB: size,
    cpus: size,
  }),
  /**
   * What it is made on: an installed disk, or another image as it is finished. One that another stack has released is meant by its content, too: a new release of
   * the same key is another image.
   */
  upstream: z.union([
    z.strictObject({ base: key }),
    z.strictObject({ image: key }),
    z.strictObject({ image: key, releasedSha256: sha256 }),
  ]),
  request: z.strictObject({
    toolsImage,
    templateFolder: z.string(),
    /** Path of each script by its name in the inputs. */
    scripts: z.record(z.string(), z.string()),
    /** Of each step in the inputs, in their order. */
    steps: z.array(stepRequest),
    diskBytes: size,
    /** What the image is to say it is; version null for the time of the build. */
    identity: z.strictObject({
      imageId: z.string().regex(IDENTIFIER),
      version: z.string().regex(IDENTIFIER).nullable(),
    }),
    /** Bytes that the points of one build may take together; 0 where none are taken, and none gone on from. */
    points: size,
    packageCache,
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
    /** What stands in its os-release. */
    identity: imageIdentity,
    /** How many paths generalisation took away; `removed.tsv` lists them. */
    removed: size,
    /** Names of the secrets of its build that are in it, as check names them. */
    secrets: z.array(z.string()),
    /** By what the build of another image comes in, when that is made on this one; see `shutOutBy`. Earlier versions did not tell. */
    wayIn: z.array(z.string()).optional(),
  }),
});

/** The name of the disk that a base or an image leaves. */
export const diskOf = (stage: string) => (stage === image.stage ? IMAGE : DISK);

/** What an image is made on, by the stage that makes it and its key. */
export const madeOn = (
  upstream: UpstreamOf<typeof image>,
): { readonly stage: "base" | "image"; readonly key: string } =>
  "base" in upstream
    ? { stage: "base", key: upstream.base }
    : { stage: "image", key: upstream.image };
