import { z } from "zod";

import { contract } from "./contract";
import { fileDigests, key, seconds, sha256, toolsImage } from "./fields";

/** One other disk format of the image, always made from the qcow2 and compared with it. */
export const convert = contract({
  stage: "convert",
  version: 1,
  inputs: z.strictObject({
    /** kragle's programs that run qemu-img. */
    programs: fileDigests,
    /** qemu-img's name of the format, or "raw.zst". */
    format: z.string(),
    /** Options for `qemu-img convert -o`. */
    options: z.record(z.string(), z.string()),
  }),
  upstream: z.strictObject({ imageSha256: sha256 }),
  request: z.strictObject({
    toolsImage,
    imageKey: key,
    /** Name of the file that is made, such as "kragle.raw". */
    fileName: z.string(),
    timeoutSeconds: seconds,
  }),
  result: z.strictObject({ format: z.string(), file: z.string() }),
});
