import { hostAptConfiguration, hostProxyEnvironment, urlPasswords } from "../host";

/** Bytes; the scan of the disk cannot tell a shorter text from chance. */
const SHORTEST = 6;

/**
 * Passwords of the host's proxies and mirrors, which a build uses without their being settings, by a name that says where each
 * stands. A short one is looked for together with its user.
 */
export function namedHostSecrets(
  proxies = hostProxyEnvironment(),
  apt = hostAptConfiguration(),
): Record<string, string> {
  const texts = { ...proxies, "the host's apt configuration": `${apt.sources}\n${apt.conf}` };
  const names = new Map<string, string>();
  for (const [where, text] of Object.entries(texts)) {
    const secrets = urlPasswords(text).filter((secret) => Buffer.byteLength(secret) >= SHORTEST);
    secrets.forEach((secret, index) => {
      if (!names.has(secret)) names.set(secret, `password in ${where}, form ${index + 1}`);
    });
  }
  return Object.fromEntries([...names].map(([secret, name]) => [name, secret]));
}
