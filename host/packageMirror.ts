import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

import {
  aptReachability,
  type AptSource,
  debianSources,
  isLoopbackAddress,
  parseDeb822,
  parseSourcesList,
  unusableSources,
} from "./aptSources";
import { readIfThere } from "./files";

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
 * Not by `apt-get indextargets`, which takes half a second of processor time, keeps silent on what was not fetched or, with
 * --no-release-info, on origin and trust, and does not follow a list of mirrors (apt 2.6).
 *
 * @param release its code name, such as "bookworm"
 * @param root the host's file system
 */
export function hostAptConfiguration(release: string, root = "/"): AptConfiguration {
  if (!existsSync(join(root, "etc/apt"))) return { sources: "", conf: "" };
  const sources = debianSources(readSources(root), release, factsOf(root));
  return { sources, conf: readReachability() };
}

const factsOf = (root: string) => ({
  origin: (source: AptSource) => fetched(root, source, "Origin"),
  codename: (source: AptSource) => fetched(root, source, "Codename"),
  hostRelease: debianRelease(root),
});

/** What of the host's mirror and its proxy containers cannot use, a line each. */
export function mirrorObstacles(root = "/", reachability = readReachability()): string[] {
  if (!existsSync(join(root, "etc/apt"))) return [];
  const proxies = [...reachability.matchAll(/^Acquire::(\w+::Proxy\S*) "([^"]+)";$/gim)]
    .filter(([, , address]) => isLoopbackAddress(address!))
    .map(
      ([, name]) =>
        `apt's ${name} is on this machine's loopback address, which containers do not reach; let the proxy listen on the address of Docker's bridge too, and name that`,
    );
  return [...unusableSources(readSources(root), factsOf(root)), ...proxies];
}

/** Every address in the host's apt configuration, one a line, whatever release it is for: some contain passwords. */
export function hostAptAddresses(root = "/"): string {
  if (!existsSync(join(root, "etc/apt"))) return "";
  return [...readSources(root).map(({ uri }) => uri), readReachability()].join("\n");
}

// not by runProgram: whoever makes a list of secrets cannot wait
const readReachability = () =>
  aptReachability(spawnSync("apt-config", ["dump"], { encoding: "utf8" }).stdout ?? "");

function readSources(root: string): AptSource[] {
  const folder = join(root, "etc/apt");
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

/** A field of the release file that apt has fetched; it is stored under the archive's escaped address. */
function fetched(
  root: string,
  { uri, suite }: AptSource,
  field: "Origin" | "Codename",
): string | undefined {
  const escaped = `${uri.replace(/^\w+:\/\/(?:[^/@]*@)?/, "").replace(/\/$/, "")}/dists/${suite}`
    .replaceAll("_", "%5f")
    .replaceAll("/", "_");
  const lists = join(root, "var/lib/apt/lists");
  const text =
    readIfThere(join(lists, `${escaped}_InRelease`)) ||
    readIfThere(join(lists, `${escaped}_Release`));
  return new RegExp(`^${field}: (.*)$`, "m").exec(text)?.[1]?.trim();
}

function debianRelease(root: string): string | undefined {
  const text = readIfThere(join(root, "etc/os-release"));
  return /^ID=debian$/m.test(text) ? /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1] : undefined;
}
