import { createHash } from "node:crypto";

import canonicalize from "canonicalize";
import { z } from "zod";

/** A description as it is read from a file or a state that kragle wrote. */
export const descriptionSchema = z.looseObject({
  stage: z.string(),
  /** Counts up when the stage's program changes so that its earlier results no longer count. */
  version: z.number(),
  inputs: z.record(z.string(), z.unknown()).readonly(),
  /** Stages before it: by key, or by the SHA-256 of their result where the name says so. */
  upstream: z.record(z.string(), z.string().optional()).readonly(),
});

/**
 * What a stage declares, as plain JSON: everything that its result depends on, and nothing else. Accelerator, timeouts, secrets and
 * paths of the machine are never part of it. Input files stand as their SHA-256. Written by `plan` (stages/contract.ts).
 */
export type StageDescription = Readonly<z.infer<typeof descriptionSchema>>;

/** The stage's key: SHA-256 (64 hex digits) of the description's canonical JSON (RFC 8785). */
export function stageKey(description: StageDescription): string {
  return createHash("sha256").update(canonicalize(description)!).digest("hex");
}

/** The first 12 digits, for people and for image tags. */
export function shortKey(key: string): string {
  return key.slice(0, 12);
}

export interface Change {
  /** Where the input stands in the description, such as `["inputs", "recipe", "base.py"]`. */
  readonly path: readonly string[];
  /** Undefined where the input is new. */
  readonly before: string | undefined;
  /** Undefined where the input is gone. */
  readonly after: string | undefined;
}

/** Finds the inputs that differ between the description of the last build and today's, sorted, with short digests. */
export function changedInputs(before: StageDescription, after: StageDescription): Change[] {
  const old = flatten(before);
  const now = flatten(after);
  const places = [...new Set([...old.keys(), ...now.keys()])].sort();
  return places
    .filter((place) => old.get(place) !== now.get(place))
    .map((place) => ({
      path: JSON.parse(place) as string[],
      before: old.get(place),
      after: now.get(place),
    }));
}

/** Every value of a description by its path, which is JSON because names of files may contain any separator. */
function flatten(value: unknown, path: readonly string[] = []): Map<string, string> {
  if (value !== null && typeof value === "object") {
    const parts = Object.entries(value).flatMap(([k, v]) => [...flatten(v, [...path, k])]);
    return new Map(parts);
  }
  const text = value === null ? "none" : typeof value === "string" ? value : JSON.stringify(value);
  return new Map([[JSON.stringify(path), text.replace(/^[0-9a-f]{64}(?=(\+x)?$)/, shortKey)]]);
}
