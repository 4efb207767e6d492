import { hostAptConfiguration, hostProxyEnvironment } from "../host";

/** Passwords of the host's proxies and mirrors, which a build uses without their being settings, by a name that says whose. */
export function hostSecrets(
  proxies = hostProxyEnvironment(),
  apt = hostAptConfiguration(),
): Record<string, string> {
  return {
    ...Object.fromEntries(
      Object.entries(proxies).flatMap(([name, url]) =>
        passwords(url).map((password) => [`the password in ${name}`, password]),
      ),
    ),
    ...Object.fromEntries(
      passwords(`${apt.sources}\n${apt.conf}`).map((password, index) => [
        `password ${index + 1} of the host's apt configuration`,
        password,
      ]),
    ),
  };
}

/** The passwords of all addresses in a text, as they are; `http://user:p%40ss@host` has "p@ss". */
function passwords(text: string): string[] {
  const found = [...text.matchAll(/[a-z][a-z0-9+.-]*:\/\/[^\s/@:"]*:([^\s/@"]+)@/gi)];
  return [...new Set(found.map(([, password]) => decoded(password!)))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that is none of an escape
  }
}
