import { existsSync } from "node:fs";

/** The host's bundle of trusted certificates, by distribution: Debian and its kin, Fedora and its kin, SUSE. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
];

export const LOCAL_CERTIFICATES = "/usr/local/share/ca-certificates";

/** Path of the file with every certificate authority that the host trusts, its own ones too. */
export function hostCertificateBundle(): string | undefined {
  return BUNDLES.find((path) => existsSync(path));
}
