import { z } from "zod";

import { contract } from "./contract";
import { architecture, fileDigests } from "./fields";

/** The Docker image with the tools that the other stages use. Docker builds and keeps it, so it has neither request nor result. */
export const builder = contract({
  stage: "builder",
  version: 1,
  inputs: z.union([
    /** A ready image by reference; nothing is built then. */
    z.strictObject({ prebuilt: z.string() }),
    z.strictObject({
      architecture,
      /** What is installed, and how. */
      files: fileDigests,
      /** The Docker image that it is built on. */
      baseImage: z.string(),
      packer: z.enum(["auto", "release", "distribution"]),
      /** Whether Ansible is in it; absent where no step of the image needs it. */
      ansible: z.literal(true).optional(),
    }),
  ]),
  upstream: z.strictObject({}),
  request: z.never(),
  result: z.never(),
});
