import { check, PACKAGE_FILES, PACKAGES } from "../plan/stages/check";

/** What stands in PATH/output beside the image, its conversions and the evidence. */
export const NAMES = {
  manifest: "manifest.json",
  sums: "SHA256SUMS",
  sbom: "sbom.cdx.json",
  provenance: "provenance.json",
  changes: "package-changes.json",
  report: "report.html",
} as const;

/** The folder of what stages left as evidence. */
export const EVIDENCE = "evidence";

/** Where a file lies that a stage left as evidence. */
export const evidenceName = (stage: string, path: string): string => `${EVIDENCE}/${stage}/${path}`;

/** Where the check stage's list of packages lies. */
export const PACKAGE_LIST = evidenceName(check.stage, PACKAGES);

/** Where its list of files lies that no package accounts for; an earlier release has none. */
export const FILE_LIST = evidenceName(check.stage, PACKAGE_FILES);

/** The signature is one of SHA256SUMS, so it cannot be listed there; the public key beside it is for convenience. */
export const SIGNATURE_FILES = {
  ssh: { signature: "SHA256SUMS.sig", publicKey: "allowed_signers" },
  gpg: { signature: "SHA256SUMS.asc", publicKey: "signing-key.asc" },
} as const;

/** The files that say something of a release, besides the evidence in its folder. */
export const DESCRIPTION: readonly string[] = [
  ...Object.values(NAMES),
  ...Object.values(SIGNATURE_FILES).flatMap((files) => Object.values(files)),
];

/** Stands beside a published version: which of the release's files it has. */
export const PUBLICATION = "publication.json";

/** Stands beside a release: whose it is on this machine. No part of it. */
export const OWNER = ".owner.json";

/** Files that SHA256SUMS does not list. */
export const UNLISTED: readonly string[] = [
  OWNER,
  NAMES.sums,
  PUBLICATION,
  ...Object.values(SIGNATURE_FILES).map(({ signature }) => signature),
];
