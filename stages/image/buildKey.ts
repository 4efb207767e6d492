import { searchFor } from "../../host/secretForms";
import { newSshKeyPair } from "../../host/sshKeyPair";

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
  const pair = newSshKeyPair(COMMENT);
  return {
    sshPublicKey: pair.public,
    sshPrivateKey: pair.private,
    search: JSON.stringify(searchFor({ ...others, key: pair.private }).patterns),
  };
}
