import { z } from "zod";

import { contract } from "./contract";
import { fileDigests, key, seconds, sha256, size, toolsImage } from "./fields";

/** What became of a rule; with the rule's own words, since it is read where the catalogue is not. */
const finding = z.strictObject({
  id: z.string(),
  area: z.string(),
  asserts: z.string(),
  reason: z.string(),
  source: z.string(),
  /** "waived" is a rule that is broken, or could not be checked, and that the user has waived. */
  status: z.enum(["passed", "failed", "waived", "not checked", "not applicable"]),
  /** What was found, or why it could not be judged. */
  detail: z.string().optional(),
  /** Why the rule is waived; stands here, too, where the image keeps the rule. */
  waiver: z.string().optional(),
});

export type Finding = z.infer<typeof finding>;
export type Status = Finding["status"];

/** What is installed: see `packageList`. */
export const PACKAGES = "packages.json";

/** What no package accounts for: see `packageFiles`. */
export const PACKAGE_FILES = "package-files.json";

/** The finished file, judged offline by kragle's rules and the user's own. */
export const check = contract({
  stage: "check",
  version: 4,
  inputs: z.strictObject({
    /** kragle's programs that read the image. */
    programs: fileDigests,
    /** Digest of the catalogue of rules and of the code that judges by it. */
    rules: sha256,
    /** The user's files of rules, named so that their order is that of the settings. */
    ownRules: fileDigests.optional(),
    /** Reasons by the id of the rule that the image may break. */
    waive: z.record(z.string(), z.string()).optional(),
  }),
  upstream: z.strictObject({ imageSha256: sha256 }),
  request: z.strictObject({
    toolsImage,
    imageKey: key,
    /** Paths of the user's files of rules. */
    rules: z.array(z.string()),
    timeoutSeconds: seconds,
  }),
  /** Also the content of `check.json`. */
  result: z.strictObject({
    passed: z.boolean(),
    imageSha256: sha256,
    rules: z.array(finding),
    /** How many packages are installed. */
    packages: size,
    fileSystems: z.array(
      z.strictObject({
        partition: z.number().nullable(),
        type: z.string().nullable(),
        mountPoint: z.string().nullable(),
        /** Whether it could be read. */
        checked: z.boolean(),
      }),
    ),
    /** Bytes of the files below each folder, the largest first. */
    folders: z.array(z.strictObject({ path: z.string(), bytes: size })),
    /** How many files no package accounts for, by what became of them; null where there is no package database. */
    packageFiles: z
      .strictObject({
        ...{ unowned: size, derived: size, changed: size, configured: size, unread: size },
      })
      .nullable(),
  }),
});
