import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Bind, mountsOf } from "../../executors/mounts";
import { selinuxEnforces } from "../../host/selinux";

const home = "/home/somebody/kragle/.kragle";
const work = join(home, "work/base-1");
const BINDS: Bind[] = [
  { source: work, target: "/result" },
  { source: join(home, "store/base-1"), target: "/base", readOnly: true },
  { source: "/srv/os/x.iso", target: "/iso/installer.iso", readOnly: true, relabel: true },
  { source: `${home}-of-somebody-else`, target: "/other" },
  { source: "/etc/ssl/cert.pem", target: "/cert", readOnly: true },
];

describe("what a container is given", () => {
  it("is mounted as it is where SELinux does not enforce", () => {
    const { Mounts, Binds } = mountsOf(home, BINDS, false);
    assert.equal(Binds, undefined);
    assert.deepEqual(Mounts?.[0], {
      Type: "bind",
      Source: work,
      Target: "/result",
      ReadOnly: false,
    });
    assert.deepEqual(
      Mounts?.map(({ ReadOnly }) => ReadOnly),
      [false, true, true, false, true],
    );
  });

  it("is relabelled where it does, but only what is kragle's own or was handed over for that", () => {
    const { Mounts, Binds } = mountsOf(home, BINDS, true);
    assert.deepEqual(Binds, [
      `${work}:/result:z`,
      `${join(home, "store/base-1")}:/base:ro,z`,
      "/srv/os/x.iso:/iso/installer.iso:ro,z",
    ]);
    assert.deepEqual(
      Mounts?.map(({ Target }) => Target),
      ["/other", "/cert"],
    );
  });

  it("depends on what the kernel says of SELinux", () => {
    const root = mkdtempSync(join(tmpdir(), "kragle selinux "));
    try {
      assert.equal(selinuxEnforces(root), false);
      mkdirSync(join(root, "sys/fs/selinux"), { recursive: true });
      for (const [text, enforces] of [
        ["0", false],
        ["1\n", true],
      ] as const) {
        writeFileSync(join(root, "sys/fs/selinux/enforce"), text);
        assert.equal(selinuxEnforces(root), enforces);
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
