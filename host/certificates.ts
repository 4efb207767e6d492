import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, parse } from "node:path";

/** The host's bundle of trusted certificates, by distribution: Debian and its kin, Fedora and its kin, SUSE. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
];

/** Where Debian's tools look for authorities that the distribution does not bring, a file `NAME.crt` each. */
export const LOCAL_CERTIFICATES = "/usr/local/share/ca-certificates";

/** The same of those distributions. */
const LOCAL_FOLDERS = [
  LOCAL_CERTIFICATES,
  "/etc/pki/ca-trust/source/anchors",
  "/etc/pki/trust/anchors",
];

/** Path of the file with every certificate authority that the host trusts, its own ones too. */
export function hostCertificateBundle(root = "/"): string | undefined {
  return BUNDLES.map((path) => join(root, path)).find((path) => existsSync(path));
}

/**
 * Files that let a Debian trust whom the host trusts: the host's bundle, and its own authorities, from which the bundle is made anew
 * when the package ca-certificates is installed.
 *
 * @param root the host's file system
 * @returns content by path; empty where the host has no bundle
 */
export function hostTrust(root = "/"): ReadonlyMap<string, Buffer> {
  const bundle = hostCertificateBundle(root);
  if (!bundle) return new Map();
  const own = LOCAL_FOLDERS.map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => {
      const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
      return names.map((name) => join(folder, name));
    })
    .filter(
      (path) => /\.(crt|pem)$/.test(path) && statSync(path, { throwIfNoEntry: false })?.isFile(),
    )
    .sort();
  return new Map([
    ["etc/ssl/certs/ca-certificates.crt", readFileSync(bundle)],
    ...own.map((path, index): [string, Buffer] => [
      `${LOCAL_CERTIFICATES.slice(1)}/host-${index + 1}-${parse(path).name}.crt`,
      readFileSync(path),
    ]),
  ]);
}
