import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import {
  aptReachability,
  type AptSource,
  debianSources,
  parseDeb822,
  parseSourcesList,
} from "./aptSources";

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

/** The passwords and tokens in addresses of a text, as they stand there and as they are typed. */
export function urlPasswords(text: string): string[] {
  const passwords = [...text.matchAll(/\/\/([^/@\s:"']*):([^/@\s"']+)@/g)].flatMap(
    // a short one is found together with what stands beside it
    ([, user, password]) => [`${user}:${password}@`, password!, unescaped(password!)],
  );
  const tokens = [...text.matchAll(/[?&][^=&\s"']+=([^&\s"'#]{8,})/g)].map(([, token]) => token!);
  return [...passwords, ...tokens];
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

let aptText: string | undefined;

/** What of this host's configuration must not be seen in a log: the passwords of its proxies and mirrors. */
export function hostSecrets(): string[] {
  aptText ??= Object.values(hostAptConfiguration()).join("\n");
  return urlPasswords([...Object.values(hostProxyEnvironment()), aptText].join("\n"));
}

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

/** Whether SELinux is there and refuses what its policy does not allow. */
export function selinuxEnforces(root = "/"): boolean {
  return readIfThere(join(root, "sys/fs/selinux/enforce")).trim() === "1";
}

/** What lets a container use the package mirror that this host uses. */
export interface AptConfiguration {
  /** Lines for a sources.list, or empty: then the container's own defaults hold. */
  readonly sources: string;
  /** Lines for an apt.conf: proxies. May contain a proxy's password. */
  readonly conf: string;
}

/**
 * The host's apt configuration for a Debian release; empty where the host does not use apt.
 *
 * @param root the host's file system
 */
export function hostAptConfiguration(release = "bookworm", root = "/"): AptConfiguration {
  const folder = join(root, "etc/apt");
  if (!existsSync(folder)) return { sources: "", conf: "" };
  const dump = spawnSync("apt-config", ["dump"], { encoding: "utf8" }).stdout ?? "";
  const sources = debianSources(readSources(root, folder), release, {
    origin: (source) => fetchedOrigin(root, source),
    hostRelease: debianRelease(root),
  });
  return { sources, conf: aptReachability(dump) };
}

function readSources(root: string, folder: string): AptSource[] {
  const parts = join(folder, "sources.list.d");
  const files = [
    join(folder, "sources.list"),
    ...(existsSync(parts)
      ? readdirSync(parts)
          .sort()
          .map((name) => join(parts, name))
      : []),
  ];
  return files
    .flatMap((file) => {
      const text = readIfThere(file);
      if (file.endsWith(".list")) return parseSourcesList(text, basename(file));
      return file.endsWith(".sources") ? parseDeb822(text, basename(file)) : [];
    })
    .map((source) => ({ ...source, uri: resolveMirrorFile(root, source.uri) }));
}

/** Cloud images name a local file that lists mirrors (apt-transport-mirror(1)); its first entry is the preferred one. */
function resolveMirrorFile(root: string, uri: string): string {
  const file = /^mirror\+file:\/*(\/.*)$/.exec(uri)?.[1];
  if (!file) return uri;
  return /^\s*([^#\s]+)/m.exec(readIfThere(join(root, file)))?.[1] ?? uri;
}

/** The origin in the release file that apt has fetched; it is stored under the archive's escaped address. */
function fetchedOrigin(root: string, { uri, suite }: AptSource): string | undefined {
  const escaped = `${uri.replace(/^\w+:\/\/(?:[^/@]*@)?/, "").replace(/\/$/, "")}/dists/${suite}`
    .replaceAll("_", "%5f")
    .replaceAll("/", "_");
  const lists = join(root, "var/lib/apt/lists");
  const text =
    readIfThere(join(lists, `${escaped}_InRelease`)) ||
    readIfThere(join(lists, `${escaped}_Release`));
  return /^Origin: (.*)$/m.exec(text)?.[1]?.trim();
}

function debianRelease(root: string): string | undefined {
  const text = readIfThere(join(root, "etc/os-release"));
  return /^ID=debian$/m.test(text) ? /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1] : undefined;
}

/** The text of a file, or nothing where it is absent or not for this user to read. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
