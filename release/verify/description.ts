import { createHash } from "node:crypto";

import { z } from "zod";

import { FILE_LIST, IMAGE_NAME, NAMES, PACKAGE_LIST, PUBLICATION } from "../layout";
import { Unsuitable } from "../../host/regularFile";
import { type PackageFiles, packageFiles } from "../../plan/packageFiles";
import type { PackageList } from "../../plan/packages";
import { parsePackageList } from "../packages";
import { PREDICATE_TYPE, STATEMENT_TYPE } from "../provenance";
import { INCOMPLETE, listedFiles, packageUrl, serialNumber } from "../sbom";
import type { ReleaseFolder } from "./folder";
import type { Check } from "./verdict";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const manifestFile = z.object({
  imageSha256: sha256,
  conversions: z.record(z.string(), z.object({ path: z.string(), sha256 })),
  signer: z.object({ kind: z.string(), fingerprint: z.string() }).nullable(),
  packages: z.number(),
  files: z.record(z.string(), sha256),
  sizes: z.record(z.string(), z.number().int().nonnegative()),
});

const publicationFile = z.object({ files: z.array(z.string()) });

const resource = z.object({
  name: z.string().min(1),
  digest: z.record(z.string(), z.string().regex(/^[0-9a-f]{12,}$/)),
});

/** What has to stand in a provenance so that it is complete: https://slsa.dev/spec/v1.0/provenance. */
const statementFile = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256 }) })).min(1),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.object({
    buildDefinition: z.object({
      buildType: z.string().min(1),
      externalParameters: z.object({
        settings: z.record(z.string(), z.unknown()).refine((all) => Object.keys(all).length > 0),
      }),
      internalParameters: z.object({ stages: z.array(z.object({ root: z.string() })).min(1) }),
      resolvedDependencies: z.array(resource).min(1),
    }),
    runDetails: z.object({
      builder: z.object({
        id: z.string().min(1),
        version: z.record(z.string(), z.string()).refine((all) => "kragle" in all),
      }),
      metadata: z.object({
        invocationId: z.string().min(1),
        startedOn: z.iso.datetime(),
        finishedOn: z.iso.datetime(),
      }),
    }),
  }),
});

const sbomFile = z.object({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.string(),
  serialNumber: z.string(),
  metadata: z.object({
    component: z.object({ hashes: z.array(z.object({ alg: z.string(), content: z.string() })) }),
    properties: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  }),
  components: z
    .array(
      z.object({
        type: z.string().optional(),
        name: z.string(),
        purl: z.string().optional(),
        hashes: z.array(z.object({ content: z.string() })).optional(),
      }),
    )
    .optional(),
});

type Manifest = z.infer<typeof manifestFile>;
type Bill = z.infer<typeof sbomFile>;
type Verdict = Pick<Check, "state" | "detail">;

const ok = (detail: string): Verdict => ({ state: "ok", detail });
const failed = (detail: string): Verdict => ({ state: "failed", detail });

/** What the files that describe a release say. */
export interface Description {
  readonly checks: readonly Check[];
  /** Bytes by name, by a manifest that is the one of the sums; empty without. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The files that a published version says it has; undefined for a whole release. */
  readonly published: ReadonlySet<string> | undefined;
}

/**
 * Verifies that manifest, provenance and bill of materials belong to these files and to each other.
 *
 * @param digests by name, from `SHA256SUMS`
 * @param signer fingerprint of the key whose signature is good
 */
export async function verifyDescription(
  folder: ReleaseFolder,
  digests: ReadonlyMap<string, string>,
  signer: string | undefined,
): Promise<Description> {
  const read = async <T>(name: string, parse: (text: string) => T): Promise<T | Verdict> => {
    try {
      return parse((await folder.content(name)).toString());
    } catch (error) {
      return unreadable(error as Error);
    }
  };
  const json =
    <T>(schema: z.ZodType<T>) =>
    (text: string) =>
      schema.parse(JSON.parse(text));
  const [publication, manifest, statement, sbom, packages, others] = await Promise.all([
    folder
      .has(PUBLICATION)
      .then((has) => (has ? read(PUBLICATION, json(publicationFile)) : undefined)),
    read(NAMES.manifest, json(manifestFile)),
    read(NAMES.provenance, json(statementFile)),
    read(NAMES.sbom, json(sbomFile)),
    read(PACKAGE_LIST, parsePackageList),
    digests.has(FILE_LIST) ? read(FILE_LIST, json(packageFiles)) : null,
  ]);
  const checks: Check[] = [];
  const judge = (name: string, verdict: Verdict) => void checks.push({ name, ...verdict });
  if (publication && "state" in publication) judge(PUBLICATION, publication);
  const published = publication && "files" in publication ? new Set(publication.files) : undefined;
  if ("state" in manifest) {
    judge("manifest", manifest);
    return { checks, sizes: new Map(), published };
  }
  judge("manifest", judgeManifest(manifest, digests, signer));
  if (published && !imagesOf(manifest).some(([name]) => published.has(name))) {
    judge(PUBLICATION, failed("it leaves out the image in every format"));
  }
  judge(
    "provenance",
    "state" in statement ? statement : judgeProvenance(statement, manifest, digests),
  );
  // a place that has no folders, such as a pool of volumes, has no list of packages
  const list = published?.has(PACKAGE_LIST) === false ? undefined : packages;
  const files = published?.has(FILE_LIST) === false ? null : others;
  const judgeBill = (): Verdict => {
    if ("state" in sbom) return sbom;
    if (list && "state" in list) return list;
    return files && "state" in files ? files : judgeSbom(sbom, manifest, list, files);
  };
  judge("SBOM", judgeBill());
  const text = await folder.content(NAMES.manifest);
  const genuine = createHash("sha256").update(text).digest("hex") === digests.get(NAMES.manifest);
  return { checks, sizes: new Map(genuine ? Object.entries(manifest.sizes) : []), published };
}

function unreadable(error: Error): Verdict {
  if (error instanceof Unsuitable) return failed(error.message);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return failed("is missing");
  if (!(error instanceof z.ZodError)) return failed(`cannot be read: ${error.message}`);
  const issue = error.issues[0]!;
  return failed(`incomplete or wrong at ${issue.path.join(".") || "its top"}: ${issue.message}`);
}

function judgeManifest(
  { imageSha256, files, signer: declared }: Manifest,
  digests: ReadonlyMap<string, string>,
  signer: string | undefined,
): Verdict {
  if (files[IMAGE_NAME] !== imageSha256) return failed("it names two digests of the image");
  const listed = [...digests].filter(([name]) => name !== NAMES.manifest);
  const differing = [
    ...listed.filter(([name, digest]) => files[name] !== digest).map(([name]) => name),
    ...Object.keys(files).filter((name) => !digests.has(name)),
  ];
  if (differing.length > 0) return failed(`SHA256SUMS says otherwise of ${some(differing)}`);
  if (!digests.has(NAMES.manifest)) return failed("SHA256SUMS does not list it");
  if ((declared?.fingerprint ?? undefined) !== signer) {
    return failed(
      declared
        ? `there is no good signature by ${declared.fingerprint}, which signed the release`
        : `the release was not signed, and this is, by ${signer}`,
    );
  }
  return ok(`names ${listed.length} files, image ${imageSha256.slice(0, 12)}`);
}

/** Name and digest of the image in every format, as the manifest has them. */
const imagesOf = ({
  imageSha256,
  conversions,
}: Manifest): readonly (readonly [string, string])[] => [
  [IMAGE_NAME, imageSha256],
  ...Object.values(conversions).map(
    ({ path, sha256 }) => [path.split("/").at(-1)!, sha256] as const,
  ),
];

/** The first of perhaps very many names. */
const some = (names: readonly string[]) =>
  [...names.slice(0, 5), ...(names.length > 5 ? [`${names.length - 5} more`] : [])].join(", ");

function judgeProvenance(
  { subject, predicate }: z.infer<typeof statementFile>,
  manifest: Manifest,
  digests: ReadonlyMap<string, string>,
): Verdict {
  const subjects = new Map(subject.map(({ name, digest }) => [name, digest.sha256]));
  for (const [name, digest] of imagesOf(manifest)) {
    if (subjects.get(name) !== digest) return failed(`it is not about ${name} as released`);
  }
  // every statement, also where a name stands there twice
  for (const { name, digest } of subject) {
    if (digests.get(name) !== digest.sha256) {
      return failed(`${name} has another digest in SHA256SUMS`);
    }
  }
  const { resolvedDependencies, externalParameters } = predicate.buildDefinition;
  if (resolvedDependencies.some(({ digest }) => Object.keys(digest).length === 0)) {
    return failed("a dependency has no digest");
  }
  const settings = Object.keys(externalParameters.settings).length;
  return ok(
    `about ${subjects.size} files; ${settings} settings, ${resolvedDependencies.length} dependencies`,
  );
}

function judgeSbom(
  { serialNumber: number, metadata, components = [] }: Bill,
  { imageSha256, packages: count }: Manifest,
  list: PackageList | undefined,
  others: PackageFiles,
): Verdict {
  const { hashes } = metadata.component;
  if (!hashes.some(({ alg, content }) => alg === "SHA-256" && content === imageSha256)) {
    return failed("it belongs to another image");
  }
  if (number !== serialNumber(imageSha256)) return failed("its number is another image's");
  const named = components.filter(({ type }) => type !== "file");
  const urls = new Set(named.map(({ purl }) => purl));
  const lacking = list?.packages.find((one) => !urls.has(packageUrl(one, list)));
  if (lacking) return failed(`it lacks ${lacking.name} ${lacking.version}`);
  const installed = list && new Set(list.packages.map((one) => packageUrl(one, list)));
  const extra = installed && named.find(({ purl }) => !purl || !installed.has(purl));
  if (extra) return failed(`it has ${extra.name}, which is not installed`);
  if (named.length !== count || (list?.packages.length ?? count) !== count) {
    return failed(`it lists ${named.length} packages, the manifest says ${count}`);
  }
  const incomplete = metadata.properties?.find(({ name }) => name === INCOMPLETE);
  if (incomplete) return { state: "warning", detail: `lists nothing: ${incomplete.value}` };
  const files = components.filter(({ type }) => type === "file");
  const told = new Set(files.map(({ name, hashes }) => `${hashes?.[0]?.content} ${name}`));
  const lost = listedFiles(others).find(
    ({ path, sha256 }) => !told.has(`${sha256 ?? undefined} ${path}`),
  );
  if (lost) return failed(`it lacks the file ${lost.path} as it was found`);
  const more = files.length > 0 ? `, ${files.length} files that none of them accounts for` : "";
  return ok(`${count} packages of the image's own database${more}`);
}
