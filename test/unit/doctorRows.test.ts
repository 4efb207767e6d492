import assert from "node:assert/strict";
import { dirname } from "node:path";

import type { Requirement } from "../../cli/doctor/requirements";
import { Clone } from "../clone";
import { FakeDaemon } from "../fakeDaemon";
import { kragle } from "../kragle";

describe("doctor's table of a stack", function () {
  this.timeout(60_000);
  let clone: Clone;
  let daemon: FakeDaemon;
  before(async () => {
    clone = new Clone();
    daemon = await new FakeDaemon("docker").open();
  });
  after(async () => {
    await daemon.close();
    clone.remove();
  });

  /** @returns its rows by name, and the exit codes of doctor and of preview */
  async function examine(settings: Record<string, unknown>) {
    clone.addStack("x", settings);
    // neither a Pulumi CLI nor a virsh
    const environment = {
      DOCKER_HOST: daemon.address,
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    };
    const [doctor, preview] = await Promise.all(
      [
        ["doctor", "-s", "x", "--json"],
        ["preview", "-s", "x"],
      ].map((args) => kragle(clone.path("home"), args, { folder: clone.folder, environment })),
    );
    const { requirements } = JSON.parse(doctor!.stdout) as { requirements: Requirement[] };
    return {
      rows: Object.fromEntries(requirements.map((row) => [row.name, row])),
      codes: [doctor!.code, preview!.code],
      told: preview!.stderr,
    };
  }

  it("has a row for the driver libvirt, and ends as preview does", async () => {
    const { rows, codes, told } = await examine({ smoke: "libvirt" });
    assert.equal(rows["Driver libvirt"]?.status, "missing");
    assert.match(told, new RegExp(rows["Driver libvirt"].found));
    assert.deepEqual(codes, [3, 3]);
  });

  it("has a row for settings that are encrypted", async () => {
    const { rows, codes, told } = await examine({
      template: "rhel7",
      diskSize: "10 GiB",
      isoSha256: "0".repeat(64),
      rhsmUsername: "u",
      rhsmPassword: { secure: "AAABAMm9" },
    });
    assert.equal(rows["Encrypted settings"]?.status, "missing");
    assert.match(told, /rhsmPassword is encrypted, and only the Pulumi CLI can decrypt it/);
    assert.deepEqual(codes, [2, 2]);
  });

  it("has a row for a key that signs, in the words of preview", async () => {
    const { rows, codes, told } = await examine({ signKey: clone.path("no-such-key") });
    assert.equal(rows["Signing key"]?.status, "missing");
    assert.match(rows["Signing key"].found, /no-such-key/);
    assert.ok(told.includes(rows["Signing key"].found), told);
    // the settings are to blame, not the machine
    assert.deepEqual(codes, [2, 2]);
  });

  it("has a row for folders that cannot take results, which preview refuses before a build", async () => {
    const inFile = clone.path("Pulumi.yaml/copies");
    for (const [setting, value] of [
      ["publish", [{ folder: inFile }]],
      ["path", inFile],
    ] as const) {
      const { rows, codes, told } = await examine({ [setting]: value });
      assert.equal(rows["Places of results"]?.status, "missing");
      assert.match(told, new RegExp(`Pulumi\\.yaml is no folder: the setting ${setting} `));
      assert.deepEqual(codes, [3, 3]);
    }
  });

  it("does not know what a guest's network does before there is an image to try", async () => {
    const { rows } = await examine({});
    assert.equal(rows["Guest's network"]?.status, "degraded");
    const open = await examine({ network: { allow: ["any"] } });
    assert.equal(open.rows["Guest's network"]?.status, "ok");
  });
});
