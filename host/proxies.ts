const PROXY_VARIABLES = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

/** The host's proxy variables in both spellings, since programs differ in which of them they read. */
export function hostProxyEnvironment(environment = process.env): Record<string, string> {
  return Object.fromEntries(
    PROXY_VARIABLES.flatMap((name) => {
      const value = environment[name] || environment[name.toUpperCase()];
      return value
        ? [
            [name, value],
            [name.toUpperCase(), value],
          ]
        : [];
    }),
  );
}
