import { generateKeyPairSync } from "node:crypto";

import { searchFor } from "../../host/secretForms";

/** By this comment, generalise.sh finds the public key in the guest. */
const COMMENT = "kragle-build";

/**
 * A new SSH key pair (Ed25519) by which Packer logs into its guest: secrets of build_image.py, with what the finished image is searched
 * for, since nobody knows the key afterwards.
 *
 * @param others what else it is searched for, by name
 */
export function buildKeySecrets(
  others: Readonly<Record<string, string>> = {},
): Record<"sshPublicKey" | "sshPrivateKey" | "search", string> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const point = Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url");
  // RFC 4253, section 6.6, and RFC 8709: each part with its length before it
  const blob = [Buffer.from("ssh-ed25519"), point].flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return [length, part];
  });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return {
    sshPublicKey: `ssh-ed25519 ${Buffer.concat(blob).toString("base64")} ${COMMENT}`,
    sshPrivateKey: pem,
    search: JSON.stringify(searchFor({ ...others, key: pem }).patterns),
  };
}
