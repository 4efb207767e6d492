import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ReleaseFolder } from "../../release/verify/folder";
import { verifySignature } from "../../release/verify/signature";
import { firstOnPath, restorePath } from "../firstOnPath";

const SUMS = "some sums\n";

/** OpenPGP has more to say of a signature than good and bad, and GPG's exit code is 0 for some of the rest. */
describe("a signature of GPG", function () {
  this.timeout(120_000);
  let folder: string;
  let home: string;
  const at = (name: string) => join(folder, name);
  const gpg = (...args: string[]) =>
    execFileSync("gpg", ["--batch", "--quiet", "--passphrase", "", "--output", "-", ...args], {
      env: { ...process.env, GNUPGHOME: home },
      stdio: ["ignore", "pipe", "ignore"],
    });
  const makeKey = (id: string, ...how: string[]) =>
    void gpg(...how, "--quick-gen-key", id, "ed25519", "sign", "1y");
  const signed = (id: string, ...how: string[]) => gpg("-u", id, ...how, "--detach-sign", at("s"));
  let byRevoked: Buffer;

  before(function () {
    if (spawnSync("gpg", ["--version"]).error) return this.skip();
    // short, since a socket's path is
    folder = mkdtempSync(join(tmpdir(), "kg-"));
    mkdirSync((home = at("g")), { mode: 0o700 });
    writeFileSync(at("s"), SUMS);
    writeFileSync(at("mail"), "a text that its sender signed, as all do\n");
    for (const id of ["ours@x.org", "revoked@x.org", "theirs@x.org"]) makeKey(id);
    makeKey("expired@x.org", "--faked-system-time", "20200101T000000");
    makeKey("old@x.org", "--faked-system-time", "20260101T000000");
    byRevoked = signed("revoked");
    const list = gpg("--with-colons", "--list-keys", "revoked").toString();
    const [, key] = /^fpr:+(\w+):/m.exec(list)!;
    const prepared = readFileSync(join(home, "openpgp-revocs.d", `${key}.rev`), "utf8");
    writeFileSync(at("revocation"), prepared.replace(/^:-----/m, "-----"));
    gpg("--import", at("revocation"));
  });
  after(() => {
    if (!folder) return;
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    rmSync(folder, { recursive: true });
  });

  /** What is said of a signature where all keys but theirs are trusted. */
  async function verify(signature: Buffer): Promise<string> {
    writeFileSync(at("SHA256SUMS.asc"), signature);
    writeFileSync(at("keys"), gpg("--armor", "--export", "ours", "revoked", "expired", "old"));
    const { check } = await verifySignature(
      new ReleaseFolder(folder),
      Buffer.from(SUMS),
      at("keys"),
    );
    return `${check.state} ${check.detail}`;
  }

  /** How it is made, and what has to be said of it. */
  const SIGNATURES: Record<string, [() => Buffer, RegExp]> = {
    "that is good": [() => signed("ours"), /^ok /],
    "of a key that was revoked since": [() => byRevoked, /^failed .*key was revoked/],
    "of a revoked key beside a good one": [
      () => Buffer.concat([byRevoked, signed("ours")]),
      /^failed .*key was revoked/,
    ],
    "of a key that has expired": [
      () => signed("expired", "--faked-system-time", "20200201T000000"),
      /^failed .*key has expired/,
    ],
    "that has expired itself": [
      () => signed("old", "--faked-system-time", "20260201T000000", "--default-sig-expire", "1d"),
      /^failed .*: it has expired/,
    ],
    "by SHA-1": [() => signed("ours", "--digest-algo", "SHA1"), /^failed .*SHA-1/],
    "of something else": [() => gpg("-u", "ours", "--detach-sign", at("mail")), /^failed .*match/],
    "with another text inside": [() => gpg("-u", "ours", "--sign", at("mail")), /^failed /],
    "around another text": [() => gpg("-u", "ours", "--clearsign", at("mail")), /^failed /],
    "before a text that another signs": [
      () => Buffer.concat([signed("ours"), gpg("-u", "theirs", "--sign", at("mail"))]),
      /^failed /,
    ],
    "beside one of a key that nobody trusts": [
      () => signed("ours", "-u", "theirs"),
      /^failed .*not by a trusted key/,
    ],
    "that brings its key along": [
      () => signed("theirs", "--include-key-block"),
      /^failed .*not by a trusted key/,
    ],
  };
  for (const [what, [make, expected]] of Object.entries(SIGNATURES)) {
    it(what, async () => assert.match(await verify(make()), expected));
  }

  it("is not trusted for the key inside it, whatever this machine's gpg.conf says", async () => {
    const real = execFileSync("sh", ["-c", "command -v gpg"], { encoding: "utf8" }).trim();
    const signature = signed("theirs", "--include-key-block");
    const bin = at("bin");
    try {
      firstOnPath(bin, "gpg", `exec ${real} --auto-key-import "$@"`);
      assert.match(await verify(signature), /^failed .*not by a trusted key/);
    } finally {
      restorePath();
    }
  });
});
