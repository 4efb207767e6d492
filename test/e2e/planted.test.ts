import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

import type { Clone } from "../clone";
import { describeInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";

const MINUTES = 60_000;

const reason = "the fleet's operators";

// an image of its own, minutes
describeInFullTier("a script that leaves what an image must not have", function () {
  this.timeout(20 * MINUTES);
  inSequence();

  let clone: Clone;
  before(() => {
    clone = sharedClone();
    writeFileSync(
      clone.path("plant.sh"),
      "mkdir -p /root/.ssh && echo 'ssh-ed25519 AAAA operator' >>/root/.ssh/authorized_keys\n",
    );
  });
  const up = (check: object) => {
    clone.addStack("planted", {
      // its os-release is as long as the other image's then
      ...{ imageId: "dev", provision: ["plant.sh"], formats: [], smoke: "none", check },
    });
    return clone.kragle(["up", "-s", "planted", "--engine", "embedded"]);
  };

  it("fails the update, by rule and file, and the image is kept", async () => {
    const { code, stderr, stdout } = await up({});
    const told = stderr + stdout;
    assert.equal(code, 1, told);
    assert.match(told, /ssh\.authorized-keys: \/root\/\.ssh\/authorized_keys exists/);
    const [, path] = /the image is kept for inspection: (.*)/.exec(told)!;
    assert.ok(existsSync(clone.path(path!)) || existsSync(path!), path);
    assert.ok(!existsSync(clone.path("build/planted/output/packer-kragle-qcow2")));
  });

  it("is released when the rule is waived, without another build", async () => {
    const { code, stderr, stdout } = await up({
      waive: [{ rule: "ssh.authorized-keys", reason }],
    });
    const told = stderr + stdout;
    assert.equal(code, 0, told);
    assert.match(told, /waived: ssh\.authorized-keys: .* \(the fleet's operators\)/);
    assert.doesNotMatch(told, /start guest/);
    assert.ok(existsSync(clone.path("build/planted/output/packer-kragle-qcow2")));
  });

  it("fails the update where it leaves a secret, and no later build goes on from what it left", async () => {
    clone.addStack("leaky", {
      provision: [{ run: 'echo "password=$TOKEN" >/etc/app.conf', secrets: ["TOKEN"] }],
      ...{ formats: [], smoke: "none" },
    });
    const points = () =>
      readdirSync(clone.path(".kragle/store")).filter((name) => name.startsWith("point-"));
    const before = points();
    const token = randomBytes(12).toString("hex");
    const { code, stderr, stdout } = await clone.kragle(
      ["up", "-s", "leaky", "--engine", "embedded"],
      { KRAGLE_SECRET_TOKEN: token },
    );
    const told = stderr + stdout;
    assert.equal(code, 1, told);
    assert.match(told, /payload\.secrets: secrets\.TOKEN \(plain\) is in \/etc\/app\.conf/);
    assert.match(told, /its points may have the secret, too, and are deleted/);
    assert.ok(!told.includes(token));
    assert.deepEqual(points(), before);
    assert.ok(!existsSync(clone.path("build/leaky/output/packer-kragle-qcow2")));
  });

  it("has changed nothing else: two images of one base have the same packages and files", async () => {
    const dev = await clone.kragle(["up", "-s", "dev", "--engine", "embedded"]);
    assert.equal(dev.code, 0, dev.stderr);
    const lines = (stack: string, name: string) =>
      readFileSync(clone.path(`build/${stack}/output/evidence/check/${name}`), "utf8").split("\n");
    assert.deepEqual(lines("planted", "packages.tsv"), lines("dev", "packages.tsv"));
    const [without, having] = [lines("dev", "files.tsv"), lines("planted", "files.tsv")];
    const paths = [
      ...without.filter((line) => !having.includes(line)),
      ...having.filter((line) => !without.includes(line)),
    ].map((line) => line.split("\t")[4]!);
    assert.deepEqual(paths.sort(), ["/root/.ssh", "/root/.ssh/authorized_keys"]);
  });
});
