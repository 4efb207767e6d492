import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { innerNetworks } from "../../host/innerNetworks";

describe("the networks within a machine", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-net-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Makes what the kernel tells of interfaces, as folders. */
  const kernelTells = (...paths: string[]) => {
    for (const path of paths) mkdirSync(join(folder, path), { recursive: true });
  };

  it("are those of bridges that lead to no card; a bridged card's network is outside", () => {
    kernelTells(
      ...["lo", "eth0/device", "wg0", "virbr0/bridge", "virbr0/brif", "tap1"],
      ...["lxdbr0/bridge", "lxdbr0/brif/veth1", "veth1", "br0/bridge", "br0/brif/eth1"],
      ...["eth1/device", "br1/bridge", "br1/brif/eth1.7", "eth1.7/lower_eth1"],
    );
    const of = (...cidrs: (string | null)[]) => cidrs.map((cidr) => ({ cidr }));
    const found = innerNetworks(
      {
        ...{ lo: of("127.0.0.1/8"), eth0: of("192.0.2.2/24"), wg0: of("10.9.0.2/16") },
        virbr0: of("192.168.122.1/24"),
        lxdbr0: of("10.7.0.1/24", "fd42:1::1/64", "fe80::1/64", null),
        ...{ br0: of("198.51.100.2/24"), br1: of("203.0.113.2/24"), gone: of("10.0.0.1/8") },
      },
      folder,
    );
    assert.deepEqual(found, ["192.168.122.1/24", "10.7.0.1/24", "fd42:1::1/64"]);
  });
});
