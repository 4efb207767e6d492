import { z } from "zod";

import type { StageDescription } from "../description";
import { imageIdentity } from "../imageIdentity";
import { contract } from "./contract";
import { accelerator, key, sha256, size, toolsImage } from "./fields";
import { image } from "./image";

/** A released file; the path is as in the settings. */
const releasedFile = z.strictObject({ path: z.string(), sha256, bytes: size });

/** The name in a release's upstream under which a conversion's key stands. */
export const conversionUpstream = (name: string) => `convert ${name}`;

/** The proven files with their description under PATH/output. */
export const release = contract({
  stage: "release",
  version: 7,
  inputs: z.strictObject({
    path: z.string(),
    /** Whose release it is: two stacks cannot have one, since each would take the other's for its own, altered. */
    owner: z.strictObject({
      project: z.string(),
      stack: z.string(),
      /** Absent where the store is one clone's alone. */
      clone: z.string().optional(),
    }),
    /** Fingerprint of the key that signs; null where none does. */
    signer: z.string().nullable(),
    /** What the image's file is called. */
    imageName: z.string(),
    /** What those of the conversions are called, by the name of the conversion. */
    files: z.record(z.string(), z.string()),
  }),
  upstream: z.intersection(
    z.strictObject({ imageSha256: sha256, check: key, smoke: key.optional() }),
    /** And one for each conversion. */
    z.record(z.string().startsWith(conversionUpstream("")), key.optional()),
  ),
  request: z.strictObject({
    stack: z.string(),
    toolsImage,
    imageKey: key,
    virtualBytes: size,
    conversions: z.array(
      z.strictObject({
        name: z.string(),
        format: z.string(),
        /** What its file is called in the store, and under PATH/output. */
        ...{ stored: z.string(), fileName: z.string() },
      }),
    ),
    /** The key that signs: path of an OpenSSH private key, or "gpg:KEYID"; null for none. */
    signKey: z.string().nullable(),
    /** Every setting of the image by name; secret ones masked. */
    parameters: z.record(z.string(), z.unknown()),
    /** Names of those that are not as they are by default. */
    changed: z.array(z.string()),
    /** What people call the image's steps, in their order. */
    steps: z.array(z.string()),
    /** The Docker image that the builder is built on. */
    baseImage: z.string(),
    /** What the builder declared. */
    builder: z.custom<StageDescription>((value) => typeof value === "object" && value !== null),
  }),
  /** Also the content of `manifest.json`, from which the stack's outputs are taken. */
  result: z.strictObject({
    imagePath: z.string(),
    imageSha256: sha256,
    imageBytes: size,
    imageVirtualBytes: size,
    conversions: z.record(z.string(), releasedFile),
    smoke: z.strictObject({
      passed: z.boolean(),
      driver: z.enum(["qemu", "libvirt", "none"]),
      /** To each rung of the first boot; empty where nothing was booted. */
      seconds: z.record(z.string(), z.number()),
      /** The same for every boot of a full proof. */
      boots: z.record(z.string(), z.record(z.string(), z.number())).optional(),
      /** The user's tests, which all passed, as in the settings; absent where there are none. */
      tests: z.array(z.string()).optional(),
    }),
    accelerator,
    /** What the image says it is, in its os-release. */
    ...imageIdentity.shape,
    /** Docker's id of the image in which the image stage ran; "unknown" where an earlier version of kragle did not note it. */
    builderImageId: z.string(),
    manifestPath: z.string(),
    reportPath: z.string(),
    key,
    /** ISO 8601. */
    releasedAt: z.string(),
    signer: z.strictObject({ kind: z.string(), fingerprint: z.string() }).nullable(),
    packages: size,
    /** What the image stage tells of its tools. */
    tools: image.result.omit({ identity: true, secrets: true, wayIn: true }),
    /** SHA-256 by name of every released file besides the manifest and the sums. */
    files: z.record(z.string(), sha256),
    /** Bytes of the same files: nothing larger has to be read to see that it is another file. */
    sizes: z.record(z.string(), size),
  }),
});
