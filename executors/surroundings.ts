import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import type Docker from "dockerode";

import { innerNetworks } from "../host/innerNetworks";
import { hostAptAddresses } from "../host/packageMirror";
import { hostProxyEnvironment } from "../host/proxies";
import { type Endpoint, parseEndpoint } from "../plan/endpoint";
import { closedBlocks, type Passage, type Surroundings } from "./firewall";

/** A resolver that does not answer must not hold up a build: what is not found in time is not let through. */
const LOOKUP_SECONDS = 5;

/**
 * What a guest must not reach, and what of that it may: the host's addresses, every Docker network and every other network within the
 * host, as those of its virtual machines, are shut; proxies and package mirrors that this host is configured with stay open, at their ports, and so does what the user allows.
 *
 * @param allow see parseEndpoint
 * @param resolve looks a name up
 */
export async function findSurroundings(
  docker: Docker,
  allow: readonly string[],
  resolve: Resolve = (name) => lookup(name, { all: true }),
): Promise<Pick<Surroundings, "shut" | "open">> {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const networks = await docker.listNetworks();
  const blocks = networks.flatMap(({ IPAM }) => IPAM?.Config ?? []);
  const shut = [
    ...interfaces.map(({ address }) => address.replace(/%.*/, "")),
    ...innerNetworks(),
    ...blocks.flatMap(({ Subnet, Gateway }) => [Subnet, Gateway?.replace(/\/.*/, "")]),
  ].filter((address) => address !== undefined && address !== "");
  const unique = [...new Set(shut as string[])].filter((address) => !isLoopback(address));
  const closed = blockList(closedBlocks(unique));
  const endpoints = [...allow.flatMap(endpoint), ...configured()];
  const open = (await Promise.all(endpoints.map((endpoint) => passages(endpoint, resolve)))).flat();
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

type Resolve = (name: string) => Promise<readonly { readonly address: string }[]>;

/**
 * The addresses of an endpoint; a name's are looked up. Who answers for a name must not open a metadata service by it: that has to be
 * named by its address.
 */
async function passages({ host, prefix, port }: Endpoint, resolve: Resolve): Promise<Passage[]> {
  if (isIP(host)) return [{ to: prefix === null ? host : `${host}/${prefix}`, port }];
  const found = await Promise.race([
    resolve(host).catch(() => []),
    sleep(LOOKUP_SECONDS * 1000, [], { ref: false }),
  ]);
  const never = blockList(closedBlocks([]));
  return found
    .filter(({ address }) => !isIn(never, address))
    .map(({ address }) => ({ to: address, port }));
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
