import { createHash } from "node:crypto";

import { z } from "zod";

/** A stack as Pulumi names it, which is not enough to tell it from all others: see {@link StackIdentity}. */
export interface StackName {
  /** The project's name in Pulumi.yaml. */
  readonly project: string;
  readonly stack: string;
}

/** A {@link StackIdentity} as files have it. */
export const identitySchema = z.object({
  /** Of the clone: a copy has another, one that was moved has the same. */
  clone: z.string(),
  /** Where the Pulumi CLI keeps its state. */
  backend: z.string(),
  project: z.string(),
  stack: z.string(),
});

/**
 * Whose roots, records and released files something is. Two clones may share a store, two backends and two projects may have a stack
 * of one name; what one of them does never concerns what another has. No part of any key.
 */
export type StackIdentity = Readonly<z.infer<typeof identitySchema>>;

/** Hexadecimal digits that tell identities with one stack's name apart, for names of files and folders. */
export const shortIdentity = ({ clone, backend, project, stack }: StackIdentity): string =>
  createHash("sha256")
    .update([clone, backend, project, stack].join("\n"))
    .digest("hex")
    .slice(0, 12);

/** What Pulumi allows as a stack's name: tokens.ParseStackName in sdk/go/common/tokens. Folders are named by it, so no "." and "..". */
export const isStackName = (name: string): boolean =>
  /^[A-Za-z0-9._-]{1,100}$/.test(name) && !/^\.+$/.test(name);
