import { hostAptAddresses } from "./packageMirror";
import { hostProxyEnvironment } from "./proxies";
import { SHORTEST } from "./secretForms";
import { unescaped } from "./unescaped";

/** The passwords and tokens in addresses of a text, as they stand there and as they are typed. */
export function urlPasswords(text: string): string[] {
  const passwords = [...text.matchAll(/\/\/([^/@\s:"']*):([^/@\s"']+)@/g)].flatMap(
    // a password too short to search for alone is found together with its user
    ([, user, password]) => [`${user}:${password}@`, password!, unescaped(password!)],
  );
  const tokens = [...text.matchAll(/[?&][^=&\s"']+=([^&\s"'#]{8,})/g)].map(([, token]) => token!);
  return [...passwords, ...tokens];
}

let aptText: string | undefined;

/** What of this host's configuration must not be seen in a log: the passwords of its proxies and mirrors. */
export function hostSecrets(): string[] {
  aptText ??= hostAptAddresses();
  return urlPasswords([...Object.values(hostProxyEnvironment()), aptText].join("\n"));
}

/**
 * Passwords of the host's proxies and mirrors, which a build uses without their being settings, by a name that says where each
 * stands. A short one is looked for together with its user.
 */
export function namedHostSecrets(
  proxies = hostProxyEnvironment(),
  apt = hostAptAddresses(),
): Record<string, string> {
  const texts = { ...proxies, "the host's apt configuration": apt };
  const names = new Map<string, string>();
  for (const [where, text] of Object.entries(texts)) {
    const secrets = urlPasswords(text).filter(
      (secret) => Buffer.byteLength(secret) >= SHORTEST.searched,
    );
    secrets.forEach((secret, index) => {
      if (!names.has(secret)) names.set(secret, `password in ${where}, form ${index + 1}`);
    });
  }
  return Object.fromEntries([...names].map(([secret, name]) => [name, secret]));
}
