import { createHash } from "node:crypto";

import canonicalize from "canonicalize";

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [k: string]: Json };

/**
 * What a stage declares: everything that its result depends on, and nothing else. Accelerator, timeouts, secrets and paths of
 * the machine are never part of it. Input files stand as their SHA-256.
 */
export interface StageDescription {
  readonly stage: string;
  /** Counts up when the stage's program changes so that its earlier results no longer count. */
  readonly version: number;
  readonly inputs: { readonly [name: string]: Json };
  /** Stages before it: by key, or by the SHA-256 of their result where the name says so. */
  readonly upstream: { readonly [name: string]: string };
}

/** The stage's key: SHA-256 (64 hex digits) of the description's canonical JSON (RFC 8785). */
export function stageKey(description: StageDescription): string {
  return createHash("sha256").update(canonicalize(description)!).digest("hex");
}

/** The first 12 digits, for people and for image tags. */
export function shortKey(key: string): string {
  return key.slice(0, 12);
}

export interface Change {
  /** Path of the input, such as `inputs.kernel` or `inputs.files.base.py`. */
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** Names the inputs that differ between the description of the last build and today's, with short values. */
export function explainChange(before: StageDescription, after: StageDescription): Change[] {
  const old = flatten(before);
  const now = flatten(after);
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => ({
      name,
      before: old.get(name) ?? "absent",
      after: now.get(name) ?? "absent",
    }));
}

function flatten(value: unknown, path: readonly string[] = []): Map<string, string> {
  if (value !== null && typeof value === "object") {
    const parts = Object.entries(value).flatMap(([k, v]) => [...flatten(v, [...path, k])]);
    return new Map(parts);
  }
  const text = String(value);
  // the word "inputs" says nothing to a reader; "upstream" does
  const name = (path[0] === "inputs" ? path.slice(1) : path).join(".");
  return new Map([[name, /^[0-9a-f]{64}$/.test(text) ? shortKey(text) : text]]);
}
