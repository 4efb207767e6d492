import { z } from "zod";

import { contract } from "./contract";
import { key, sha256, size } from "./fields";

const publishedFile = z.strictObject({ path: z.string(), sha256, bytes: size });

/** A file of a published version. */
export type PublishedFile = z.infer<typeof publishedFile>;

/** A copy of a release, as a version of its own, at a place where others take it from. */
export const publish = contract({
  stage: "publish",
  version: 2,
  inputs: z.strictObject({
    /** A folder, relative to the project or absolute, or a libvirt storage pool. */
    destination: z.union([
      z.strictObject({ folder: z.string() }),
      z.strictObject({ pool: z.string(), uri: z.string() }),
    ]),
    /** Names of released files; empty for the image and every conversion of it. What describes the release always comes along. */
    files: z.array(z.string()),
  }),
  upstream: z.strictObject({ release: key }),
  request: z.strictObject({
    /** Whose versions belong together, such as "dev-nightly". */
    series: z.string().regex(/^[A-Za-z0-9_-]+$/),
    /** How many versions stay at least. */
    keep: z.number().int().min(1),
  }),
  result: z.strictObject({
    /** Name of the version. */
    version: z.string(),
    files: z.record(z.string(), publishedFile),
    /** Names of the older versions that were deleted, by the setting `keep`. */
    deleted: z.array(z.string()),
  }),
});
