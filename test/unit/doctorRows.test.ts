import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Requirement } from "../../cli/doctor/requirements";
import { examined, tried } from "../../cli/doctor/tried";
import { Clone } from "../clone";
import { FakeDaemon } from "../fakeDaemon";
import { kragle } from "../kragle";

describe("doctor's table of a stack", function () {
  this.timeout(180_000);
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

  /** Programs of the test's own, which stand before those of the machine. */
  function programs(scripts: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(clone.path("programs-"));
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    return folder;
  }

  const NO_PULUMI = { pulumi: "exit 127" };
  /** A libvirt that answers, with the one pool that it has. */
  const virsh = (pool: string) =>
    `shift 3; case "$*" in uri) ;; "pool-info ${pool}") echo "State: running" ;; *) echo "error: Storage pool not found" >&2; exit 1 ;; esac`;

  /**
   * @param scripts programs on PATH; none that could be Pulumi's or libvirt's but those
   * @returns its rows by name, and the exit codes of doctor and of preview
   */
  async function examine(
    settings: Record<string, unknown>,
    scripts: Readonly<Record<string, string>> = {},
  ) {
    clone.addStack("x", settings);
    const environment = {
      DOCKER_HOST: daemon.address,
      PATH: `${programs({ virsh: "exit 127", ...NO_PULUMI, ...scripts })}:${dirname(process.execPath)}:/usr/bin:/bin`,
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

  it("has a row for the Pulumi CLI, which is missing where the settings need it, and ends as preview does", async () => {
    const none = await examine({ smoke: "libvirt" }, { virsh: virsh("default") });
    assert.equal(none.rows["libvirt"]?.status, "ok");
    const row = none.rows["Pulumi CLI"]!;
    assert.equal(row.status, "missing");
    const [found, needed] = row.found.split("\n");
    assert.equal(found, "none");
    assert.ok(none.told.startsWith(needed!), none.told);
    assert.match(row.next, /download-install/);
    assert.deepEqual(none.codes, [3, 3]);
  });

  it("has a row for a libvirt pool that is missing, in the words of preview", async () => {
    const real = { pulumi: "echo v3.260.0", virsh: virsh("other") };
    const proof = await examine({ smoke: "libvirt" }, real);
    const copies = await examine({ publish: [{ pool: "images" }] }, real);
    for (const [{ rows, codes, told }, pool] of [
      [proof, "default"],
      [copies, "images"],
    ] as const) {
      assert.equal(rows["libvirt"]?.status, "missing");
      assert.match(rows["libvirt"].found, new RegExp(`lacks the pool ${pool}: Storage pool not`));
      assert.match(rows["libvirt"].next, new RegExp(`pool-define-as '${pool}' dir --target`));
      assert.ok(told.includes(rows["libvirt"].found), told);
      assert.equal(rows["Memory"]?.name, "Memory", "the table goes on");
      assert.deepEqual(codes, [3, 3]);
    }
  });

  it("tells all else of a stack whose digest is not set yet", async () => {
    const one = await examine({ template: "rhel7", diskSize: "10 GiB" });
    const from = { url: "https://host.example/web.raw.xz" };
    const two = await examine({ images: { a: { template: "cloud", from }, b: {} } });
    for (const [{ rows, codes }, setting, row] of [
      [one, /^kragle:isoSha256: is missing/, "Installation ISO"],
      [two, /^kragle:images\.a\.from\.sha256: is missing/, "Disk to begin with (a)"],
    ] as const) {
      assert.match(rows["Settings"]!.found, setting);
      assert.equal(rows[row]?.status, "missing");
      assert.match(rows[row].found, /its digest is not set$/);
      assert.ok(rows["Memory"] && rows["Processors"], Object.keys(rows).join());
      assert.deepEqual(codes, [2, 2]);
    }
  });

  it("tells what does not depend on a home that is somebody else's, or on an address that is none", async () => {
    mkdirSync(clone.path("theirs"));
    writeFileSync(clone.path("theirs/photo"), "x");
    const { code, stdout } = await kragle(clone.path("theirs"), ["doctor", "-s", "dev", "--json"], {
      folder: clone.folder,
      environment: { DOCKER_HOST: "bogus" },
    });
    const { requirements } = JSON.parse(stdout) as { requirements: Requirement[] };
    const rows = Object.fromEntries(requirements.map((row) => [row.name, row]));
    assert.match(rows["Home"]!.found, /theirs, which is not empty \(it has photo\)/);
    assert.match(rows["Docker"]!.found, /"bogus", which is no address/);
    assert.equal(rows["Node"]!.status, "ok");
    assert.equal(code, 2);
  });

  it("has a row for settings that are encrypted", async () => {
    const { rows, codes, told } = await examine({
      template: "rhel7",
      diskSize: "10 GiB",
      isoSha256: "0".repeat(64),
      rhsmUsername: "u",
      rhsmPassword: { secure: "AAABAMm9" },
    });
    assert.equal(rows["Pulumi CLI"]?.status, "missing");
    const encrypted = /rhsmPassword is encrypted, and only the Pulumi CLI can decrypt it/;
    assert.match(rows["Pulumi CLI"].found, encrypted);
    assert.match(told, encrypted);
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

describe("an examination", () => {
  it("that fails for whatever reason is a row, and ends no table", async () => {
    const [row] = await examined("Moon", () => {
      throw new TypeError("no such phase");
    });
    assert.deepEqual(
      [row!.name, row!.status, row!.found],
      ["Moon", "missing", "could not be examined: TypeError: no such phase"],
    );
    const full = Object.assign(new Error(), { code: "ENOSPC", syscall: "write", path: "/x" });
    const disk = await tried("Disk", "room", () => Promise.reject(full));
    assert.equal(disk.found, "/x: the disk is full");
  });
});
