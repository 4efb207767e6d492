import { counted } from "../../plan/units";
import { NAMES } from "../layout";
import type { PackageFiles } from "../../plan/packageFiles";
import type { PackageList } from "../../plan/packages";
import { FILES_LACKING, INCOMPLETE, listedFiles, packageUrl, serialNumber } from "../sbom";
import type { Bill, Manifest, Statement } from "../forms";
import type { Check } from "./verdict";

export type Verdict = Pick<Check, "state" | "detail">;

const ok = (detail: string): Verdict => ({ state: "ok", detail });
export const failed = (detail: string): Verdict => ({ state: "failed", detail });

export function judgeManifest(
  { imagePath, imageSha256, files, signer: declared }: Manifest,
  digests: ReadonlyMap<string, string>,
  signer: string | undefined,
): Verdict {
  if (files[nameOf(imagePath)] !== imageSha256) return failed("it names two digests of the image");
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
  return ok(`names ${counted(listed.length, "file")}, image ${imageSha256.slice(0, 12)}`);
}

/** Name and digest of the image in every format, as the manifest has them. */
export const imagesOf = ({
  imagePath,
  imageSha256,
  conversions,
}: Manifest): readonly (readonly [string, string])[] => [
  [nameOf(imagePath), imageSha256],
  ...Object.values(conversions).map(({ path, sha256 }) => [nameOf(path), sha256] as const),
];

/** The paths are those of the machine that released it. */
const nameOf = (path: string) => path.split("/").at(-1)!;

/** The first of perhaps very many names. */
const some = (names: readonly string[]) =>
  [...names.slice(0, 5), ...(names.length > 5 ? [`${names.length - 5} more`] : [])].join(", ");

export function judgeProvenance(
  { subject, predicate }: Statement,
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
    `about ${counted(subjects.size, "file")}; ${counted(settings, "setting")}, ` +
      counted(resolvedDependencies.length, "dependency", "dependencies"),
  );
}

export function judgeBill(
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
    return failed(`it lists ${counted(named.length, "package")}, the manifest says ${count}`);
  }
  const said = (of: string) => metadata.properties?.find(({ name }) => name === of);
  const incomplete = said(INCOMPLETE);
  if (incomplete) return { state: "warning", detail: `lists nothing: ${incomplete.value}` };
  const files = components.filter(({ type }) => type === "file");
  const told = new Set(files.map(({ name, hashes }) => `${hashes?.[0]?.content} ${name}`));
  const lost = listedFiles(others).find(
    ({ path, sha256 }) => !told.has(`${sha256 ?? undefined} ${path}`),
  );
  if (lost) return failed(`it lacks the file ${lost.path} as it was found`);
  const unowned = `${counted(files.length, "file")} that none of them accounts for`;
  const more = files.length > 0 ? `, ${unowned}` : "";
  const partial = said(FILES_LACKING);
  const but = partial ? `; not all files: ${partial.value}` : "";
  return ok(`${counted(count, "package")} of the image's own database${more}${but}`);
}
