import assert from "node:assert/strict";

import { firewallRules, inIpv6 } from "../../executors/firewall";
import { configured, findSurroundings } from "../../executors/surroundings";

const docker = (subnet: string) =>
  ({
    listNetworks: () =>
      Promise.resolve([
        { IPAM: { Config: [{ Subnet: subnet, Gateway: "172.30.0.1/16" }] } },
        { IPAM: { Config: [] } },
        { IPAM: null },
      ]),
  }) as never;

describe("the rules of a guest's network", () => {
  const rules = firewallRules({
    shut: ["192.0.2.2", "172.17.0.0/16", "fd00::2"],
    open: [
      { to: "192.0.2.2", port: 3142 },
      { to: "fd00::2", port: null },
    ],
  });
  const at = (line: string) => {
    const found = rules.split("\n").indexOf(line);
    assert.notEqual(found, -1, `${line} is not in\n${rules}`);
    return found;
  };

  it("shut what they are told, and what is never outside, after what is open", () => {
    assert.match(
      rules,
      /^ip daddr \{ .*169\.254\.0\.0\/16.*192\.0\.2\.2, 172\.17\.0\.0\/16 \} reject/m,
    );
    assert.match(rules, /^ip6 daddr \{ fe80::\/10.* fd00::2, .*\} reject/m);
    const lo = at("oif lo reject with icmpx admin-prohibited");
    const open = at("ip daddr 192.0.2.2 meta l4proto { tcp, udp } th dport 3142 accept");
    assert.ok(
      lo < open &&
        at("ip6 daddr fd00::2 accept") <
          rules.split("\n").findIndex((l) => l.startsWith("ip daddr { ")),
    );
  });

  it("shut each address of IPv4 also as IPv6 writes it", () => {
    assert.deepEqual(inIpv6("169.254.169.254"), ["64:ff9b::a9fe:a9fe/128", "2002:a9fe:a9fe::/48"]);
    assert.deepEqual(inIpv6("172.17.0.0/16"), ["64:ff9b::ac11:0/112", "2002:ac11:0::/32"]);
    const line = rules.split("\n").find((one) => one.startsWith("ip6 daddr {"))!;
    for (const shut of ["64:ff9b::ac11:0/112", "64:ff9b::a9fe:0/112", "2002:c000:202::/48"]) {
      assert.ok(line.includes(` ${shut},`) || line.includes(` ${shut} `), `${shut}: ${line}`);
    }
    assert.ok(line.includes(" ::ffff:0:0/96 ") && line.includes(" ::/96,"), line);
  });

  it("let nobody in but Docker to a screen that was asked for", () => {
    assert.match(rules, /hook input priority 0; policy drop;/);
    assert.doesNotMatch(rules, /saddr/);
    const screen = { port: 5900, from: "172.17.0.1" };
    const shown = firewallRules({ shut: [], open: [], screen });
    assert.match(shown, /^ip saddr 172\.17\.0\.1 tcp dport 5900 accept$/m);
  });
});

describe("what is around a build", () => {
  it("is shut: Docker's networks and this machine's addresses, but not its loopback", async () => {
    const { shut, open } = await findSurroundings(docker("172.30.0.0/16"), []);
    assert.ok(shut.includes("172.30.0.0/16") && shut.includes("172.30.0.1"), shut.join(" "));
    assert.ok(!shut.some((address) => address.startsWith("127.") || address === "::1"));
    assert.ok(!shut.some((address) => address.includes("%")));
    assert.deepEqual(open, []);
  });

  it("is open where the user allows it; what is outside anyway needs no rule", async () => {
    const allow = ["172.30.0.9:5432", "203.0.113.7:443", "172.30.4.0/24", "no-such-host.invalid"];
    const { open } = await findSurroundings(docker("172.30.0.0/16"), allow);
    assert.deepEqual(open, [
      { to: "172.30.0.9", port: 5432 },
      { to: "172.30.4.0/24", port: null },
    ]);
  });

  it("is opened by no name to a metadata service, only by its address", async () => {
    const names: Readonly<Record<string, string[]>> = {
      "db.corp": ["172.30.0.9", "169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"],
      "rebound.example": ["169.254.169.254"],
    };
    const allow = ["db.corp:5432", "rebound.example:80", "169.254.170.2:80"];
    const { open } = await findSurroundings(docker("172.30.0.0/16"), allow, (name) =>
      Promise.resolve((names[name] ?? []).map((address) => ({ address }))),
    );
    assert.deepEqual(open, [
      { to: "172.30.0.9", port: 5432 },
      { to: "169.254.170.2", port: 80 },
    ]);
  });

  it("has the proxies and mirrors of this machine's configuration, without their passwords", () => {
    const proxies = {
      http_proxy: "http://u:p%40ss@proxy.corp:3128/",
      HTTPS_PROXY: "192.0.2.2:8080",
      all_proxy: "socks5h://[fd00::2]",
      no_proxy: "http://never.example",
    };
    const mirrors = [
      "http://deb.example/debian",
      "https://t:secret@192.0.2.2:8443/x",
      'Acquire::http::Proxy "http://192.0.2.2:3142";',
      "http://localhost:3142/debian",
      "file:/srv/mirror",
    ].join("\n");
    assert.deepEqual(
      configured(proxies, mirrors).map(({ host, port }) => `${host} ${port}`),
      [
        ...["proxy.corp 3128", "192.0.2.2 8080", "fd00::2 1080", "deb.example 80"],
        ...["192.0.2.2 8443", "192.0.2.2 3142"],
      ],
    );
  });
});
