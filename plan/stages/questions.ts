import { z } from "zod";

import type { StageDescription } from "../description";
import { acceleratorSetting, toolsImage } from "./fields";

/**
 * What command resources ask beside the stages: the answer is not kept in the store, so that there is neither key nor artifact.
 */
export interface Question<
  Name extends string = string,
  Request extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly name: Name;
  readonly request: Request;
  readonly answer: Answer;
}

/** Sees to it that the Docker daemon has an image to build on, and notes which builder the stack uses. */
export const dockerBase = {
  name: "docker-base",
  request: z.strictObject({
    project: z.string(),
    stack: z.string(),
    /** Under which name the stack notes its builder. */
    root: z.string(),
    /** The Docker image to build on, such as "debian:bookworm-slim", with or without a digest. */
    reference: z.string().min(1),
    /** What the images that are built on it declare. */
    builder: z.custom<StageDescription>((value) => typeof value === "object" && value !== null),
  }),
  answer: z.strictObject({
    /** A reference that the daemon has. */
    image: z.string(),
    how: z.enum(["present", "pulled", "bootstrapped"]),
    /** What a build on it needs of this host: the package mirror, and proxies. A proxy's address may contain a password. */
    buildArgs: z.record(z.string(), z.string()),
  }),
} as const satisfies Question;

/** Builds the image that is left for use by hand, unless there is one of the digest that the command names. Nothing depends on it: a failure is told, and fails no run. */
export const handImage = {
  name: "hand-image",
  request: z.strictObject({
    /** The Docker image to build on. */
    reference: z.string().min(1),
    packer: z.enum(["auto", "release", "distribution"]),
  }),
  answer: z.strictObject({
    /** Why there is none; null where it is there. */
    failed: z.string().nullable(),
  }),
} as const satisfies Question;

/** Decides of which type the guest under libvirt is. */
export const domainType = {
  name: "domain-type",
  request: z.strictObject({
    uri: z.string(),
    accelerator: acceleratorSetting,
    toolsImage,
    /** Makes every new image ask again. */
    imageSha256: z.string(),
  }),
  answer: z.strictObject({ type: z.enum(["kvm", "qemu"]) }),
} as const satisfies Question;

export type RequestTo<Q extends Question> = z.infer<Q["request"]>;
export type AnswerTo<Q extends Question> = z.infer<Q["answer"]>;
