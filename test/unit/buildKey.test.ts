import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { utils } from "ssh2";

import { programsFolder } from "../../host/project";
import { buildKeySecrets } from "../../stages/image/buildKey";

const LOOK = `
import json, sys
sys.path[:0] = [${JSON.stringify(join(programsFolder, "common"))}, ${JSON.stringify(join(programsFolder, "image"))}]
import build_image, stage
try:
    print("passes", *build_image.look_for_secrets(sys.argv[1], json.load(sys.stdin)))
except stage.Failure as failure:
    print(failure)
`;

describe("the key by which Packer comes into the guest", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-key-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What the image stage says of a disk with this text. */
  const judged = (text: string, search: string) => {
    const disk = join(folder, "disk");
    writeFileSync(disk, `${"x".repeat(5000)}\n${text}\n${"y".repeat(5000)}`);
    const { stdout, stderr } = spawnSync("python3", ["-B", "-c", LOOK, disk], {
      ...{ input: search, encoding: "utf8" },
    });
    assert.notEqual(stdout, "", stderr);
    return stdout.trimEnd();
  };

  it("fails the build where a script has copied its private half into the image, in whatever form", () => {
    const { sshPrivateKey, sshPublicKey, search } = buildKeySecrets();
    const inBase64 = Buffer.from(sshPrivateKey).toString("base64");
    for (const copy of [
      sshPrivateKey,
      sshPrivateKey.replaceAll("\n", "\\n"),
      inBase64,
      inBase64.replace(/.{76}/g, "$&\n"),
      Buffer.from(sshPrivateKey).toString("hex"),
      JSON.stringify([...Buffer.from(sshPrivateKey)]),
    ]) {
      assert.match(judged(copy, search), /the build's private SSH key is in the image \(/, copy);
    }
    assert.equal(judged(sshPublicKey, search), "passes");
  });

  it("is looked for with the other secrets of the run, whose names are told", () => {
    const others = { "secrets.A": "correct horse", "secrets.B": "battery staple" };
    const { search, sshPrivateKey } = buildKeySecrets(others);
    assert.equal(judged("nothing of it", search), "passes");
    assert.equal(judged("B is battery staple", search), "passes secrets.B");
    const all = `${JSON.stringify(others)}\n${sshPrivateKey}`;
    assert.match(judged(all, search), /^the build's private SSH key is in the image/);
  });

  it("is read by what opens a shell in a guest that is kept", () => {
    const { sshPrivateKey, sshPublicKey } = buildKeySecrets();
    const key = utils.parseKey(sshPrivateKey);
    if (key instanceof Error) return assert.fail(key);
    assert.equal(`ssh-ed25519 ${key.getPublicSSH().toString("base64")} kragle-build`, sshPublicKey);
  });

  it("is another one in each run, and what is searched for is only its own", () => {
    const [one, other] = [buildKeySecrets(), buildKeySecrets()];
    assert.notEqual(one.sshPrivateKey, other.sshPrivateKey);
    assert.equal(judged(one.sshPrivateKey, other.search), "passes");
  });
});
