import { NAMESPACE } from "../signing";

/** Names of OpenSSH's kinds of keys, such as `ssh-ed25519` or `sk-ecdsa-sha2-nistp256@openssh.com`. */
const KIND = /^(?:sk-)?(?:ssh|ecdsa)-[a-z0-9-]+(?:@openssh\.com)?$/;

/** A line for other namespaces only, such as Git's: ssh-keygen judges by the first line that has the key, and would look no further. */
const FOR_OTHERS = new RegExp(`[\\s,]namespaces="(?![^"]*(?:${NAMESPACE}|[*?]))[^"]*"`, "i");

/**
 * The lines of an allowed_signers file: principals, options, kind and key (ssh-keygen(1), ALLOWED SIGNERS). A line of a plain public
 * key, as in a `.pub` file, has no principals; it gets ours. One for other namespaces becomes an empty line.
 */
export const allowedSignersOf = (text: string): string =>
  text
    .split("\n")
    .map((line) => {
      const [kind = "", key = ""] = line.trim().split(/\s+/);
      const isPlain = KIND.test(kind) && /^AAAA[A-Za-z0-9+/]+=*$/.test(key);
      if (FOR_OTHERS.test(line)) return "";
      return isPlain ? `${NAMESPACE} namespaces="${NAMESPACE}" ${kind} ${key}` : line;
    })
    .join("\n");
