import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { newSshKeyPair } from "../../host/sshKeyPair";

describe("a pair of SSH keys", () => {
  it("is in the format that OpenSSH reads, by which Ansible logs in as it stands", function () {
    const pair = newSshKeyPair("a comment");
    assert.match(pair.private, /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
    assert.match(pair.private, /\n-----END OPENSSH PRIVATE KEY-----\n$/);
    assert.match(pair.public, /^ssh-ed25519 \S+ a comment$/);
    const folder = mkdtempSync(join(tmpdir(), "kragle-key-"));
    try {
      writeFileSync(join(folder, "key"), pair.private, { mode: 0o600 });
      const told = spawnSync("ssh-keygen", ["-y", "-f", join(folder, "key")], { encoding: "utf8" });
      if (told.error) return this.skip();
      assert.equal(told.stdout.trim(), pair.public, told.stderr);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
