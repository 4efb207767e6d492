import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

import type { Clone } from "../clone";
import { bridgeGateway, openPort } from "../openPort";
import { sharedCloneInFullTier } from "../sharedClone";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked, evidenceFolder } from "./invariants";
import { Run } from "./run";

/** Runs in a real guest, through QEMU's network: the last word of each line is what became of the connection. */
const reach = (targets: readonly string[]) => String.raw`#!/bin/bash
reach() {
  if timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null
  then echo "reach $3 open"; else echo "reach $3 shut"; fi
}
${targets.map((target) => `reach ${target.replace(":", " ")} ${target}`).join("\n")}
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null)
mirror=$(sed -nE 's,^(deb|URIs:) .*https?://([^/@ ]*@)?([^/: ]+).*,\3,p' <<<"$sources" | head -n 1)
reach "$mirror" 80 mirror
if getent ahosts "$mirror" >/dev/null; then echo "name mirror found"; else echo "name mirror lost"; fi
exit 3
`;

describe("a script that looks around", function () {
  this.timeout(20 * 60_000);
  let clone: Clone;
  countFaults();

  before(function () {
    clone = sharedCloneInFullTier(this);
  });

  it("reaches the outside and what is allowed, but neither this machine nor what runs on it", async () => {
    const [closed, allowed] = [await openPort(), await openPort()];
    const gateway = await bridgeGateway();
    const own = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    const shut = [
      ...new Set(
        [gateway, ...own.map(({ address }) => address)].map((at) => `${at}:${closed.port}`),
      ),
      `${gateway.replace(/\.\d+$/, ".250")}:22`,
      ...["10.0.2.2:5900", "10.0.2.2:22", "169.254.169.254:80", "168.63.129.16:80"],
    ];
    const open = `${gateway}:${allowed.port}`;
    writeFileSync(clone.path("reach.sh"), reach([...shut, open]));
    clone.addStack("reach", { provision: ["reach.sh"], network: { allow: [open] } });
    const { code, stderr } = await Run.up(clone, "reach").ended;
    closed.close();
    allowed.close();
    assert.equal(code, 1, stderr.slice(-3000));
    const said = readFileSync(join(evidenceFolder(stderr, clone.folder), "scripts.log"), "utf8");
    for (const target of shut) assert.ok(said.includes(`reach ${target} shut\n`), said);
    assert.ok(said.includes(`reach ${open} open\n`), said);
    // a machine behind a proxy looks up no names
    if (!process.env.http_proxy) {
      assert.ok(said.includes("reach mirror open\n"), said);
      assert.ok(said.includes("name mirror found\n"), said);
    }
    await assertNothingLeaked(clone.path(".kragle"), { project: clone.folder });
    survived({ fault: "script looks around on the host", where: "image" });
  });
});
