import { existsSync } from "node:fs";

import { z } from "zod";

import { inProject } from "../host/project";
import type { SignedList } from "../plan/imageSpec";
import { address } from "./addresses";
import { listOf, onlyKeys, orShort, path, structured, text } from "./values";

/** Parts of the setting `from` that say by whose signed list a file's digest is known. */

const KEY = '{"file": "keys/vendor.asc", "fingerprint": "40 hexadecimal digits"}';

/** A path, or an address. */
const place = (file: string) =>
  text(file).transform((value, context): string => {
    const isAddress = /^[a-z][a-z0-9+.-]*:\/\//i.test(value);
    const type = isAddress ? address(`https://host/folder/${file}`) : path(file);
    const { data, error } = type.safeParse(value);
    for (const { message } of error?.issues ?? []) {
      context.addIssue({ code: "custom", message });
    }
    return data ?? z.NEVER;
  });

const keyFile = path("keys/vendor.asc").refine((file) => existsSync(inProject(file)), {
  error: ({ input }) => `there is no file ${String(input)}`,
});

/** Of a version 4 key, or of a later one; people write them in groups. */
const fingerprint = text("40 hexadecimal digits")
  .transform((digits) => digits.replace(/\s|^0x/g, "").toUpperCase())
  .refine((digits) => /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(digits), {
    error:
      "is not a key's fingerprint, which has 40 or 64 hexadecimal digits; gpg --show-keys FILE tells it",
  });

const key = orShort(
  "file",
  {
    file: { type: "string", description: "A file of OpenPGP keys, relative to the project" },
    fingerprint: {
      type: "string",
      description: "Which of them is trusted, 40 or 64 hexadecimal digits; all where none is named",
    },
  },
  z
    .strictObject(
      { file: keyFile, fingerprint: fingerprint.optional() },
      onlyKeys("are file, fingerprint", `the path of a file of keys, or ${KEY}`),
    )
    .transform(({ file, fingerprint: one = null }) => ({ file, fingerprint: one })),
);

export const listFields = {
  checksums: place("SHA256SUMS")
    .optional()
    .describe("Or its publisher's list of digests, by path or address, which a key has signed"),
  signature: place("SHA256SUMS.asc")
    .optional()
    .describe("The list's signature, by path or address, where it is a file of its own"),
  keys: structured(
    z.array(key, listOf("files of keys")).min(1, "names no key: nobody would be trusted"),
  )
    .optional()
    .describe("The keys that may have signed the list"),
};

type ListFields = { [K in keyof typeof listFields]?: z.output<(typeof listFields)[K]> };

/**
 * What is lacking or too much among them.
 *
 * @param has whether a part is given
 * @returns the name of each, and what is wrong
 */
export function listProblems(has: (name: string) => boolean): [string, string][] {
  const found: [string, string][] = [];
  if (has("checksums") && !has("keys")) {
    found.push(["keys", "is missing: files of the OpenPGP keys that may have signed the list"]);
  }
  for (const name of ["signature", "keys"].filter(has)) {
    if (!has("checksums")) found.push([name, "goes with checksums, which names the signed list"]);
  }
  return found;
}

/** The list, where all that it needs is given. */
export const listOfFields = ({ checksums, signature, keys }: ListFields): SignedList | undefined =>
  checksums === undefined || keys === undefined
    ? undefined
    : { checksums, signature: signature ?? null, keys };
