import { createHash } from "node:crypto";
import { join } from "node:path";

import canonicalize from "canonicalize";
import { z } from "zod";

import { parseRecord, readOwn } from "../host/record";
import { descriptionSchema } from "../plan/description";

/** A file as it was when its record was made. */
export const fileRecord = z.object({
  /** Relative to the artifact's folder; for a released file, relative to the project or absolute, as in the settings. */
  path: z.string(),
  bytes: z.number(),
  /** Bytes that the file really occupies. */
  allocatedBytes: z.number(),
  sha256: z.string(),
  mtimeNs: z.string(),
  inode: z.string(),
});

/** Without what is in it. */
export const fileFacts = fileRecord.omit({ sha256: true });

const manifestSchema = z.object({
  format: z.literal(1),
  stage: z.string(),
  key: z.string(),
  /** What the stage declared, kept so that a later plan can name the input that changed. */
  description: descriptionSchema,
  publishedAt: z.iso.datetime(),
  /** How long the stage ran. */
  seconds: z.number(),
  phases: z.array(z.object({ name: z.string(), seconds: z.number() })),
  /** What it was made with, noted by the run that made it; absent from what earlier versions made. */
  madeBy: z
    .object({
      /** As `host/kragleVersion.ts` tells it. */
      kragle: z.object({
        version: z.string(),
        commit: z.string().optional(),
        modified: z.boolean().optional(),
      }),
      /** Which stack's run it was, as `shortIdentity` tells it. */
      owner: z.string().optional(),
      /** The Docker images in which its containers ran. */
      containers: z.array(
        z.object({ reference: z.string(), id: z.string(), layers: z.array(z.string()).readonly() }),
      ),
    })
    .optional(),
  files: z.array(fileRecord),
  /** Files that the stage laid down outside of the store (release). */
  external: z.array(fileRecord),
  result: z.record(z.string(), z.unknown()),
});

export type FileRecord = z.infer<typeof fileRecord>;
export type FileFacts = z.infer<typeof fileFacts>;
export type Manifest = z.infer<typeof manifestSchema>;

export const MANIFEST = "manifest.json";

/**
 * How long one of the user's steps took in the run that made an image; the last time, where a guest that froze was started once more.
 *
 * @param step its number, counting from 1
 * @returns seconds; undefined where it did not run
 */
export const secondsOfStep = (
  { phases }: Pick<Manifest, "phases">,
  step: number,
): number | undefined => phases.findLast(({ name }) => name.startsWith(`step ${step} (`))?.seconds;

/** The manifest's bytes; its own digest stands in it, so that a changed manifest is noticed too. */
export function encodeManifest(manifest: Manifest): string {
  return JSON.stringify({ digest: digestOf(manifest), ...manifest }, null, 2) + "\n";
}

/** @throws Error where the manifest is absent, not whole, or not what was written */
export function readManifest(folder: string): Manifest {
  const bytes = readOwn(join(folder, MANIFEST));
  if (!bytes) throw new Error("it is missing");
  const { digest, ...manifest } = parseRecord(bytes, manifestSchema.extend({ digest: z.string() }));
  if (digestOf(manifest) !== digest) throw new Error("the manifest was altered");
  return manifest;
}

const digestOf = (manifest: Manifest) =>
  createHash("sha256").update(canonicalize(manifest)!).digest("hex");
