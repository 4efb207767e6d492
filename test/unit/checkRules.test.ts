import assert from "node:assert/strict";

import { judge } from "../../rules/judge";
import { RULES } from "../../rules/catalogue";
import { FAULTS } from "./checkFaults";
import { SampleImage } from "./checkSamples";

const statusOf = (image: SampleImage, id: string) =>
  judge(RULES, image.facts).find((finding) => finding.id === id)!;

describe("the catalogue of checks", () => {
  it("holds for an image without faults", () => {
    for (const { id, status, detail } of judge(RULES, new SampleImage().facts)) {
      assert.equal(status, "passed", `${id}: ${detail}`);
    }
  });

  it("has rules with an id of their own, a reason and a source", () => {
    assert.equal(new Set(RULES.map(({ id }) => id)).size, RULES.length);
    for (const { id, asserts, reason, source } of RULES) {
      assert.match(id, /^[a-z][a-z-]*\.[a-z-]+$/);
      for (const text of [asserts, reason, source]) assert.ok(text.length > 3, id);
    }
  });

  it("has a planted fault for each rule", () => {
    assert.deepEqual(Object.keys(FAULTS).sort(), RULES.map(({ id }) => id).sort());
  });

  for (const [id, plants] of Object.entries(FAULTS)) {
    it(`catches what breaks ${id}`, () => {
      plants.forEach((plant, index) => {
        const image = new SampleImage();
        plant(image);
        const { status, detail } = statusOf(image, id);
        assert.equal(status, "failed", `fault ${index + 1} of ${id} was not caught`);
        assert.ok(detail, id);
      });
    });
  }

  it("lets pass what a generalised image may have", () => {
    const image = new SampleImage()
      .file("/etc/machine-id", "uninitialized\n")
      .link("/var/lib/dbus/machine-id", "/etc/machine-id")
      .link("/var/log/README", "../../usr/share/doc/systemd/README.logs")
      .file("/root/.ssh/authorized_keys", "")
      .file("/var/lib/apt/lists/lock", "")
      .file("/etc/apt/apt.conf.d/50unattended", '// Acquire::http::Proxy "x";\n')
      .file("/etc/netplan/01.yaml", "network:\n  version: 2\n");
    for (const { id, status, detail } of judge(RULES, image.facts)) {
      assert.equal(status, "passed", `${id}: ${detail}`);
    }
  });

  it("knows a file system by whatever name fstab has for it, and no swap at all", () => {
    const image = new SampleImage().file(
      "/etc/fstab",
      "LABEL=my\\040root / ext4 defaults 0 1\n" +
        "/dev/disk/by-label/my\\x20root /srv/a\\040b none bind 0 0\n" +
        "/dev/disk/by-uuid/EA0B-41B8 /boot/efi vfat defaults 0 0\n" +
        "UUID=1b2c3d4e-0000-4000-8000-000000000000 none swap sw 0 0\n",
    );
    image.facts.fileSystems[1]!.label = "my root";
    assert.equal(statusOf(image, "storage.fstab").status, "passed");
  });

  it("does not pass over a file system that is mounted nobody knows where", () => {
    const image = new SampleImage();
    image.facts.fileSystems[0]!.mountPoint = null;
    const { status, detail } = statusOf(image, "disk.file-systems");
    assert.equal(status, "not checked");
    assert.match(detail!, /^nothing says where vfat on partition 2 is mounted/);
  });

  it("never repeats the content of a file that may hold a password", () => {
    const image = new SampleImage().file("/etc/shadow", "root:*:1::\nme:$6$salt$hash:1::\n");
    assert.equal(statusOf(image, "accounts.no-passwords").detail, "/etc/shadow, line 2");
  });
});
