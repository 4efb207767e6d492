import { IMAGE } from "../plan/stages/image";
import type { check } from "../plan/stages/check";
import type { image } from "../plan/stages/image";
import type { ResultOf } from "../plan/stages/contract";
import { IMAGE_RESULT } from "./sampleCalls";
import { sha256 } from "./sha256";

/** A stage's result as a test lays it into a store. */
interface Laid<Result> {
  readonly files: Record<string, string>;
  readonly result: Result;
}

/** What an image stage leaves of an image of this content. */
export const imageFiles = (content: string, packages = 1): Laid<ResultOf<typeof image>> => ({
  files: {
    [IMAGE]: content,
    "image.json": "{}",
    "removed.tsv": "emptied\tidentity\t/etc/machine-id\t\n",
  },
  result: { ...IMAGE_RESULT, packages, removed: 1 },
});

/**
 * What the check stage leaves of an image that breaks no rule.
 *
 * @param packages name and version of each
 */
export function checkFiles(
  imageSha256: string,
  packages: readonly string[] = ["bash 5.2-2"],
): Laid<ResultOf<typeof check>> {
  const checked = {
    ...{ passed: true, imageSha256 },
    ...{ rules: [], fileSystems: [], folders: [], packageFiles: null },
  };
  const planted = { path: "/srv/data", state: "unowned", package: null, bytes: 7 };
  return {
    files: {
      "check.json": JSON.stringify(checked),
      "package-files.json": JSON.stringify([{ ...planted, sha256: sha256("planted") }]),
      "packages.json": samplePackages(packages),
      "logs/stage.log": "",
    },
    result: { ...checked, packages: packages.length },
  };
}

function samplePackages(packages: readonly string[]): string {
  const entries = packages.map((text) => {
    const [name, version] = text.split(" ") as [string, string];
    const own = { name, version, architecture: "amd64", source: name, sourceVersion: version };
    return { ...own, license: null, homepage: null, installedBytes: 1024 };
  });
  const distribution = { id: "debian", versionId: "12", prettyName: "Debian 12" };
  return JSON.stringify({ distribution, ecosystem: "deb", packages: entries });
}
