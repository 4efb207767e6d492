import type Docker from "dockerode";

import { EXIT, StageFailure } from "../host/failure";
import { CONFINED } from "./isolation";
import { runOwned } from "./ownedContainer";

/** Where the container of a guest may connect to, beyond the outside. */
export interface Passage {
  /** An address or a block of addresses. */
  readonly to: string;
  /** Null for every port. */
  readonly port: number | null;
}

export interface Surroundings {
  /** Addresses and blocks of the host and of other containers. */
  readonly shut: readonly string[];
  readonly open: readonly Passage[];
  /** The port of a screen that was asked for, and the host's own address, by which Docker hands a published port on. */
  readonly screen?: { readonly port: number; readonly from: string } | undefined;
}

/** Never outside: this network, links, multicast, and where clouds answer their machines' questions, credentials among them. */
const NEVER_OUTSIDE = [
  ...["0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"],
  ...["168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"],
  ...["fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::254/128"],
  ...["fd00:42::42/128", "fd00:a9fe:a9fe::/48"],
];

/** IPv4 in the clothes of IPv6, which no network carries: compatible, mapped. */
const DISGUISED = ["::/96", "::ffff:0:0/96"];

const isIpv4 = (address: string) => !address.includes(":");

/** These addresses and blocks, what is never outside, and all of that as those write it who come by IPv6. */
export function closedBlocks(shut: readonly string[]): string[] {
  const blocks = [...NEVER_OUTSIDE, ...shut];
  return [...new Set([...blocks, ...blocks.filter(isIpv4).flatMap(inIpv6)])];
}

/** An IPv4 address or block as those see it who come by IPv6: through a translator (NAT64, RFC 6052), in a tunnel (6to4, RFC 3056). */
export function inIpv6(block: string): string[] {
  const [address = "", length = "32"] = block.split("/");
  const bytes = address.split(".").map(Number);
  const [high, low] = [0, 2].map((at) => ((bytes[at]! << 8) | bytes[at + 1]!).toString(16));
  const bits = Number(length);
  return [`64:ff9b::${high}:${low}/${96 + bits}`, `2002:${high}:${low}::/${16 + bits}`];
}

/**
 * What Packer itself opens on the container's loopback: the way to the guest's SSH, its HTTP server, and the screen into which it types.
 * Among the HTTP server's, the proxy with the cache of packages takes one (package_proxy.py).
 */
const PACKERS_PORTS = "2222-4444, 5900-6000, 8000-9000";

/**
 * The rules, in nftables' words, of a container whose QEMU connects on behalf of a guest: all that a guest sends leaves the container
 * as QEMU's own connections, so the container's own rules are the guest's. Nobody connects to the container.
 */
export function firewallRules({ shut, open, screen }: Surroundings): string {
  const family = (address: string) => (isIpv4(address) ? "ip" : "ip6");
  const reject = "reject with icmpx admin-prohibited";
  const closed = [...closedBlocks(shut), ...DISGUISED];
  const refuse = ["ip", "ip6"].flatMap((of) => {
    const own = closed.filter((address) => family(address) === of);
    return [`${of} daddr { ${own.join(", ")} } ${reject}`];
  });
  const pass = open.map(({ to, port }) =>
    [
      `${family(to)} daddr ${to}`,
      ...(port === null ? [] : [`meta l4proto { tcp, udp } th dport ${port}`]),
      "accept",
    ].join(" "),
  );
  return [
    "table inet kragle {",
    "set resolvers4 { type ipv4_addr; }",
    "set resolvers6 { type ipv6_addr; }",
    "chain incoming {",
    "type filter hook input priority 0; policy drop;",
    "iif lo accept",
    "ct state established,related accept",
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept",
    ...(screen
      ? [`${family(screen.from)} saddr ${screen.from} tcp dport ${screen.port} accept`]
      : []),
    "}",
    "chain outgoing {",
    "type filter hook output priority 0; policy accept;",
    "ct state established,related accept",
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
    "ip daddr @resolvers4 meta l4proto { tcp, udp } th dport 53 accept",
    "ip6 daddr @resolvers6 meta l4proto { tcp, udp } th dport 53 accept",
    `oif lo tcp dport { ${PACKERS_PORTS} } accept`,
    // the container's own address, too
    `oif lo ${reject}`,
    ...pass,
    ...refuse,
    "}",
    "}",
  ].join("\n");
}

/** Puts the rules in place; then the resolvers that Docker gave the container, which may be the host. */
const PROGRAM = `nft "$0" && sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf | while read -r server rest; do
  case $server in *:*) set=resolvers6 ;; *) set=resolvers4 ;; esac
  nft add element inet kragle $set "{ \${server%%%*} }" || exit
done`;

/**
 * Gives a running container its rules: from a helper container that shares its network, may administer that, and is gone before the
 * container's program begins, which has no right to change them.
 *
 * @param image the container's own
 * @throws StageFailure where they cannot be put in place
 */
export async function raiseFirewall(
  docker: Docker,
  { id }: Docker.Container,
  { image, labels, rules }: { image: string; labels: Record<string, string>; rules: string },
): Promise<void> {
  const said: string[] = [];
  const exitCode = await runOwned(docker, {
    description: {
      Image: image,
      Entrypoint: ["sh", "-c", PROGRAM],
      Cmd: [rules],
      User: "0:0",
      Labels: labels,
      HostConfig: {
        ...CONFINED,
        NetworkMode: `container:${id}`,
        CapAdd: ["NET_ADMIN"],
        LogConfig: { Type: "none", Config: {} },
      },
    },
    request: {},
    onLine: (line) => said.push(line),
  });
  if (exitCode === 0) return;
  const why = said.filter((line) => line.trim() && !/^\s*\^/.test(line)).slice(0, 3);
  throw new StageFailure(
    `the guest's network could not be closed against this machine and its other containers: ${why.join("; ") || `exit code ${exitCode}`}`,
    {
      hint: "the kernel needs nf_tables, the builder image the program nft; or let guests connect everywhere, by the setting network: {allow: [any]}",
      exitCode: EXIT.lacking,
    },
  );
}
