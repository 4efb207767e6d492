import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import { type Clone, jsonOf } from "../clone";
import { describeInFullTier } from "../fullTier";
import { sharedClone } from "../sharedClone";

const MINUTES = 60_000;

interface UpDocument {
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly smoke: {
      readonly passed: boolean;
      readonly tests: string[];
      readonly boots: Record<string, Record<string, number>>;
    };
  };
}

/** In this Debian 13 notes logins, which Debian 12 does not know. */
const LOGINS = "/var/log/wtmp.db";

/** Asks the booted system, after cloud-init, what Debian it is and where its packages come from. */
const IS_TRIXIE = `#!/bin/sh -e
grep -qx VERSION_CODENAME=trixie /etc/os-release
for suite in trixie trixie-updates trixie-security; do grep -q " $suite main$" /etc/apt/sources.list; done
! grep -rq bookworm /etc/apt/sources.list /etc/apt/sources.list.d
said=$(apt-get indextargets 2>&1 >/dev/null)
[ -z "$said" ] || { echo "$said"; exit 1; }
for unit in ssh systemd-networkd systemd-resolved systemd-timesyncd qemu-guest-agent; do systemctl is-active $unit; done
ls /etc/ssh/ssh_host_ed25519_key
`;

describeInFullTier("Debian 13, by the recipe of Debian 12", function () {
  this.timeout(40 * MINUTES);

  let clone: Clone;
  let released: UpDocument;
  const read = (name: string) => readFileSync(clone.path("build/trixie/output", name), "utf8");

  before(async () => {
    clone = sharedClone();
    writeFileSync(clone.path("is-trixie.sh"), IS_TRIXIE);
    clone.addStack("trixie", {
      ...{ template: "debian13", proof: "full", tests: ["is-trixie.sh"] },
      provision: [
        { packages: ["wtmpdb"] },
        { run: `systemctl start wtmpdb-update-boot; test -s ${LOGINS}` },
      ],
    });
    const finished = await clone.kragle(["up", "-s", "trixie", "--engine", "embedded", "--json"]);
    assert.equal(finished.code, 0, finished.stderr);
    released = jsonOf<UpDocument>(finished);
  });

  it("is released with a full proof", async () => {
    const { passed, tests, boots } = released.outputs.smoke;
    assert.equal(passed, true);
    assert.deepEqual(tests, ["is-trixie.sh"]);
    assert.deepEqual(Object.keys(boots), ["first", "second", "sibling"]);
    for (const rung of ["seed", "root", "identity", "poweroff"]) assert.ok(rung in boots.first!);
    const verified = await clone.kragle(["verify", "-s", "trixie", "--json"]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  });

  it("tells in its bill of materials which Debian's packages it has", () => {
    const { components } = JSON.parse(read("sbom.cdx.json")) as { components: { purl?: string }[] };
    const purls = components.flatMap(({ purl }) => purl ?? []);
    assert.ok(purls.length > 200, String(purls.length));
    assert.deepEqual(
      purls.filter((purl) => !/[?&]distro=debian-13(&|$)/.test(purl)),
      [],
    );
    assert.ok(purls.some((purl) => purl.startsWith("pkg:deb/debian/systemd@257.")));
    assert.match(read("provenance.json"), /"(kragle:)?template": ?"debian13"/);
  });

  it("keeps no note of the build's logins", () => {
    const removed = read("evidence/image/removed.tsv").split("\n");
    const files = read("evidence/check/files.tsv");
    assert.ok(removed.some((line) => line.includes(`\t${LOGINS}\t`)));
    assert.ok(!files.includes(`\t${LOGINS}\n`));
  });
});
