import { z } from "zod";

import { FILE_LIST, NAMES, PACKAGE_LIST, PUBLICATION } from "../layout";
import { Unsuitable } from "../../host/regularFile";
import { packageFiles } from "../../plan/packageFiles";
import { packageList } from "../../plan/packages";
import type { ReleaseFolder } from "./folder";
import { billFile, manifestFile, publicationFile, statementFile } from "../forms";
import {
  failed,
  imagesOf,
  judgeBill,
  judgeManifest,
  judgeProvenance,
  type Verdict,
} from "./judgements";
import type { Check } from "./verdict";

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
  const read = <T>(name: string, schema: z.ZodType<T>) =>
    folder.json(name, schema).catch(unreadable);
  const [publication, manifest, statement, bill, packages, others] = await Promise.all([
    folder.has(PUBLICATION).then((has) => (has ? read(PUBLICATION, publicationFile) : undefined)),
    read(NAMES.manifest, manifestFile),
    read(NAMES.provenance, statementFile),
    read(NAMES.sbom, billFile),
    read(PACKAGE_LIST, packageList),
    digests.has(FILE_LIST) ? read(FILE_LIST, packageFiles) : null,
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
  if ("state" in bill) judge("SBOM", bill);
  else if (list && "state" in list) judge("SBOM", list);
  else if (files && "state" in files) judge("SBOM", files);
  else judge("SBOM", judgeBill(bill, manifest, list, files));
  const found = await folder.find(NAMES.manifest, undefined);
  const genuine = "sha256" in found && found.sha256 === digests.get(NAMES.manifest);
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
