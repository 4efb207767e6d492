import { z } from "zod";

import { isStackName } from "../plan/identity";
import type { SourceDisk, StackRelease } from "../plan/imageSpec";
import type { PublishedDigest } from "../plan/publishedDigest";
import {
  fileNameOf,
  formatOfName,
  parseSourceFormat,
  type SourceFormat,
} from "../plan/sourceFormats";
import { addressForContainers } from "./addresses";
import { listFields, listOfFields, listProblems } from "./signedList";
import {
  digest,
  listOf,
  onlyKeys,
  parsed,
  path,
  quote,
  refusing,
  spelled,
  structured,
  text,
} from "./values";

const EXAMPLE = '{"path": "web.qcow2", "sha256": "64 hexadecimal digits"}';
const FORMATS =
  "qcow2, raw, vmdk, vhd or vhdx, with .xz, .gz, .zst or .bz2 behind it where it is compressed";
const INSTEAD =
  "write {path: FILE} or {url: ADDRESS}, with sha256 or sha512, or with checksums and keys, {image: NAME} or {stack: NAME}";

const format = parsed("raw.xz", (text): SourceFormat => {
  const found = parseSourceFormat(text);
  if (found === undefined) throw new Error(`"${text}" is not a format; allowed are ${FORMATS}`);
  return found;
});

/** One address, or a list of them. */
const addresses = z
  .unknown()
  .meta({ anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] })
  .pipe(
    z.preprocess(
      (value) => (typeof value === "string" ? [value] : value),
      z
        .array(addressForContainers("https://host/folder/web.qcow2"), listOf("addresses"))
        .min(1, "names no address"),
    ),
  );

const disk = z.strictObject(
  {
    path: path("web.qcow2")
      .optional()
      .describe("The path of a disk that somebody else made, relative to the project or absolute"),
    url: addresses.optional().describe("Or the address from which it is fetched"),
    format: format
      .optional()
      .describe(`Its format, where the file's name does not tell: ${FORMATS}`),
    sha256: digest("sha256").optional().describe("Its SHA-256, 64 hexadecimal digits"),
    sha512: digest("sha512").optional().describe("Or its SHA-512, 128 hexadecimal digits"),
    ...listFields,
  },
  onlyKeys(
    "are path, url, format, sha256, sha512, checksums, signature, keys, or image, or stack and image",
    EXAMPLE,
  ),
);

type Say = (path: PropertyKey[], message: string) => void;

/** Every problem is told at once: what is lacking or too much, beside what each part has. */
function readDisk(given: object, say: Say): SourceDisk | undefined {
  const has = (name: string) => Object.hasOwn(given, name);
  const { data, error } = disk.safeParse(given);
  for (const issue of error?.issues ?? []) say(issue.path, issue.message);
  if (has("path") && has("url")) say([], "has both path and url; write one of them");
  if (!has("path") && !has("url")) {
    // not that the digest is missing: it may be that no disk is meant
    say([], `names no disk; ${INSTEAD}`);
    return undefined;
  }
  const [known, ...more] = ["sha256", "sha512", "checksums"].filter(has);
  if (known === undefined) {
    say(
      ["sha256"],
      "is missing; its publisher shows it beside the download, or sha512, or signs a list of them: checksums",
    );
  } else if (more.length > 0) {
    say([], `has ${[known, ...more].join(" and ")}; write one of them`);
  }
  for (const [part, message] of listProblems(has)) say([part], message);
  const place = data?.path ?? data?.url?.[0];
  if (!data || place === undefined) return undefined;
  const name = fileNameOf(place);
  const found = data.format ?? formatOfName(name);
  if (!found) say(["format"], `is missing, and the name ${quote(name)} does not tell: ${FORMATS}`);
  const digest = digestOfFields(data) ?? listOfFields(data);
  if (!found || digest === undefined) return undefined;
  const { path: file = null, url: urls = [] } = data;
  return { kind: "disk", path: file, urls, format: found, digest };
}

function digestOfFields({ sha256, sha512 }: z.output<typeof disk>): PublishedDigest | undefined {
  if (sha512 !== undefined) return { algorithm: "sha512", hex: sha512 };
  return sha256 === undefined ? undefined : { algorithm: "sha256", hex: sha256 };
}

/** Another image of the same stack. */
interface SourceImage {
  readonly kind: "image";
  readonly image: string;
}

const IMAGE =
  "What the image is called that this one is made on: one of the same program, or, with `stack`, of that stack";

const image = z.strictObject(
  { image: text("base").describe(IMAGE) },
  onlyKeys("is image", '{"image": "base"}'),
);

/** Whether there is one of that name is known where all of them are: madeOn.ts. */
function readImage(given: object, say: Say): SourceImage | undefined {
  const { data, error } = image.safeParse(given);
  for (const issue of error?.issues ?? []) say(issue.path, issue.message);
  return data && { kind: "image", image: data.image };
}

const release = z.strictObject(
  {
    stack: spelled("base")
      .superRefine(
        refusing((name) =>
          isStackName(name)
            ? undefined
            : `${quote(name)} is no name of a stack; write the plain one of a stack of this project`,
        ),
      )
      .describe("The stack of this project on whose release the image is made"),
    image: text("web").optional().describe(IMAGE),
  },
  onlyKeys("are stack, image", '{"stack": "base"}'),
);

/** What it has released is looked up when the stack is planned: stackRelease.ts. */
function readRelease(given: object, say: Say): StackRelease | undefined {
  const { data, error } = release.safeParse(given);
  for (const issue of error?.issues ?? []) say(issue.path, issue.message);
  return data && { kind: "release", stack: data.stack, image: data.image ?? null };
}

/** What editors are told. */
const { $schema: _, ...forEditors } = z.toJSONSchema(z.union([image, release, disk]), {
  io: "input",
  target: "draft-7",
  unrepresentable: "any",
});

/** The setting `from`: what an image begins with, other than its template's own installation; empty, that is none. */
export const from = structured(
  z
    .unknown()
    .meta(forEditors)
    .transform((given, context): SourceDisk | SourceImage | StackRelease | null => {
      const say: Say = (path, message) =>
        context.addIssue({ code: "custom", path: [...path], message });
      if (typeof given !== "object" || given === null || Array.isArray(given)) {
        say([], `${quote(given)} is no source; ${INSTEAD}`);
        return z.NEVER;
      }
      if (Object.keys(given).length === 0) return null;
      const has = (name: string) => Object.hasOwn(given, name);
      const read = has("stack") ? readRelease : has("image") ? readImage : readDisk;
      return read(given, say) ?? z.NEVER;
    }),
);
