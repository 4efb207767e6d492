import { createHash } from "node:crypto";

import type { PublishedDigest } from "../../plan/publishedDigest";
import { asEntries, type Entries } from "../../settings/pulumiYaml";

/**
 * A stack whose ISO or disk has no digest yet is refused, but this machine can be examined for it: another digest, which no file has,
 * stands in its place meanwhile.
 */
const UNSET = createHash("sha256").update("a digest that is not set yet").digest("hex");

export const isUnset = ({ hex }: PublishedDigest) => hex === UNSET;

/** The settings of a stack, each digest that is not set being that one. */
export function withDigests(values: Entries): Entries {
  const images = asEntries(values.images);
  const all = { ...withDigest(values), isoSha256: values.isoSha256 || UNSET };
  if (!images) return all;
  const each = Object.entries(images).map(([name, own]) => [
    name,
    withDigest(asEntries(own) ?? {}),
  ]);
  return { ...all, images: Object.fromEntries(each) as Entries };
}

/** With that of the disk that an image begins with. */
function withDigest(values: Entries): Entries {
  const from = asEntries(values.from);
  const isDisk = from !== undefined && ("path" in from || "url" in from);
  const isKnown = ["sha256", "sha512", "checksums"].some((name) => from?.[name]);
  return isDisk && !isKnown ? { ...values, from: { ...from, sha256: UNSET } } : values;
}
