import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import type Docker from "dockerode";

import { hostAptAddresses } from "../host/packageMirror";
import { hostProxyEnvironment } from "../host/proxies";
import { type Endpoint, parseEndpoint } from "../plan/endpoint";
import { NEVER_OUTSIDE, type Passage, type Surroundings } from "./firewall";

/** A resolver that does not answer must not hold up a build: what is not found in time is not let through. */
const LOOKUP_SECONDS = 5;

/**
 * What a guest must not reach, and what of that it may: the host's addresses and every Docker network are shut; proxies and package
 * mirrors that this host is configured with stay open, at their ports, and so does what the user allows.
 *
 * @param allow see parseEndpoint
 */
export async function findSurroundings(
  docker: Docker,
  allow: readonly string[],
): Promise<Pick<Surroundings, "shut" | "open">> {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const networks = await docker.listNetworks();
  const blocks = networks.flatMap(({ IPAM }) => IPAM?.Config ?? []);
  const shut = [
    ...interfaces.map(({ address }) => address.replace(/%.*/, "")),
    ...blocks.flatMap(({ Subnet, Gateway }) => [Subnet, Gateway?.replace(/\/.*/, "")]),
  ].filter((address) => address !== undefined && address !== "");
  const unique = [...new Set(shut as string[])].filter((address) => !isLoopback(address));
  const closed = blockList([...unique, ...NEVER_OUTSIDE]);
  const endpoints = [...allow.flatMap(endpoint), ...configured()];
  const open = (await Promise.all(endpoints.map(passages))).flat();
  return { shut: unique, open: open.filter(({ to }) => to.includes("/") || isIn(closed, to)) };
}

const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");

function blockList(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const one of addresses) {
    const [address = "", length] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return list;
}

const isIn = (list: BlockList, address: string) =>
  list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

/** The addresses of an endpoint; a name's are looked up. */
async function passages({ host, prefix, port }: Endpoint): Promise<Passage[]> {
  if (isIP(host)) return [{ to: prefix === null ? host : `${host}/${prefix}`, port }];
  const found = await Promise.race([
    lookup(host, { all: true }).catch(() => []),
    sleep(LOOKUP_SECONDS * 1000, [], { ref: false }),
  ]);
  return found.map(({ address }) => ({ to: address, port }));
}

const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, ftp: 21, socks: 1080 };

/** The proxies and package mirrors in this host's configuration. */
export function configured(
  proxies = hostProxyEnvironment(),
  mirrors = hostAptAddresses(),
): Endpoint[] {
  const addresses = Object.entries(proxies)
    .filter(([name]) => !/^no_proxy$/i.test(name))
    .map(([, address]) => (address.includes("://") ? address : `http://${address}`));
  const found = [...addresses, mirrors]
    .join("\n")
    .matchAll(/\b(https?|ftp|socks)\w*:\/\/(?:[^/@\s"]*@)?(\[[^\]\s]+\]|[^:/\s"]+)(?::(\d+))?/g);
  return [...found].flatMap(([, scheme, host, port]) =>
    endpoint(`${host}:${port ?? PORTS[scheme!]}`),
  );
}

/** Settings were checked before; what is in a host's configuration may be nothing that a container could reach, such as localhost. */
function endpoint(text: string): Endpoint[] {
  try {
    return [parseEndpoint(text)];
  } catch {
    return [];
  }
}
