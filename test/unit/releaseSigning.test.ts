import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { findSigner } from "../../release/signing";
import { SignedRelease } from "../signedRelease";

describe("signing a release", function () {
  this.timeout(120_000);
  const release = new SignedRelease();
  const { at, edit, makeKey, sumsAnew, verify } = release;

  describe("with GPG", () => {
    const home = () => join(release.keys, "gnupg");
    const gpg = (...args: string[]) =>
      execFileSync("gpg", ["--batch", "--quiet", ...args], {
        env: { ...process.env, GNUPGHOME: home() },
        stdio: ["ignore", "pipe", "ignore"],
      });
    const before_ = process.env.GNUPGHOME;

    before(async function () {
      // the socket of its agent has to fit into 108 bytes
      mkdirSync(home(), { mode: 0o700 });
      try {
        for (const id of ["ours@example.org", "theirs@example.org"]) {
          gpg(...["--passphrase", "", "--quick-gen-key", id, "ed25519", "sign"]);
          writeFileSync(join(release.keys, `${id}.asc`), gpg("--armor", "--export", id));
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") this.skip();
        throw error;
      }
      process.env.GNUPGHOME = home();
      const signKey = "gpg:ours@example.org";
      await release.releaseSigned(signKey);
    });
    after(() => {
      if (before_ === undefined) delete process.env.GNUPGHOME;
      else process.env.GNUPGHOME = before_;
      execFileSync("gpgconf", ["--homedir", home(), "--kill", "all"], { stdio: "ignore" });
    });
    beforeEach(() => {
      release.copy(release.place.output);
      assert.ok(
        !release.place.names().includes("SHA256SUMS.sig"),
        "the earlier signature has to go",
      );
    });

    it("trusts a key that it was given, and the one that came along with a warning", async () => {
      const trusted = await verify(join(release.keys, "ours@example.org.asc"));
      assert.deepEqual([trusted.failures, trusted.signature.state], [[], "ok"]);
      assert.match(trusted.signature.detail, /signed by [0-9A-F]{40}, which /);
      const along = await verify();
      assert.deepEqual([along.failures, along.signature.state], [[], "warning"]);
    });

    it("notices another key, an altered file with sums made anew, a truncated signature", async () => {
      const other = await verify(join(release.keys, "theirs@example.org.asc"));
      assert.match(other.failures.join("\n"), /SHA256SUMS.asc: not by a trusted key/);
      edit("sbom.cdx.json", ({ metadata }) => (metadata.x = 1));
      sumsAnew();
      assert.match((await verify()).failures.join("\n"), /SHA256SUMS.asc: it does not match/);
      truncateSync(at("SHA256SUMS.asc"), 100);
      assert.match((await verify()).failures.join("\n"), /signature: SHA256SUMS.asc: /);
    });
  });

  describe("finding the key that signs", () => {
    const problem = (key: string) =>
      findSigner(key).then(
        () => "",
        (error: Error & { details?: { hint?: string; exitCode?: number } }) =>
          `${error.message}\n${error.details?.hint} (${error.details?.exitCode})`,
      );

    it("needs no agent for a key without a passphrase, and tells its fingerprint", async () => {
      const { kind, fingerprint, publicKey } = await findSigner(join(release.keys, "ours"));
      const [type, blob] = readFileSync(join(release.keys, "ours.pub"), "utf8").split(" ");
      const digest = createHash("sha256").update(Buffer.from(blob!, "base64")).digest("base64");
      assert.deepEqual(
        [kind, fingerprint, publicKey],
        ["ssh", `SHA256:${digest.replace(/=+$/, "")}`, `${type} ${blob!.trim()}`],
      );
    });

    it("says beforehand that a key with a passphrase needs an agent", async () => {
      const file = makeKey("locked", "secret");
      const before = process.env.SSH_AUTH_SOCK;
      delete process.env.SSH_AUTH_SOCK;
      try {
        const said = await problem(file);
        assert.match(
          said,
          /locked has a passphrase, and no SSH agent holds the key\nssh-add .*\(3\)/,
        );
      } finally {
        if (before !== undefined) process.env.SSH_AUTH_SOCK = before;
      }
    });

    it("takes one with a passphrase from an agent, and a public key too", async () => {
      const file = makeKey("held", "secret");
      const said = execFileSync("ssh-agent", ["-s"], { encoding: "utf8" });
      const [, socket] = /SSH_AUTH_SOCK=([^;]+)/.exec(said)!;
      const [, pid] = /SSH_AGENT_PID=(\d+)/.exec(said)!;
      const before = process.env.SSH_AUTH_SOCK;
      process.env.SSH_AUTH_SOCK = socket;
      try {
        const ask = join(release.keys, "ask");
        writeFileSync(ask, "#!/bin/sh\necho secret\n", { mode: 0o700 });
        const env = { ...process.env, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: "force" };
        execFileSync("ssh-add", ["-q", file], { env, stdio: "ignore" });
        for (const signKey of [file, `${file}.pub`]) {
          await release.releaseSigned(signKey);
          release.copy(release.place.output);
          const trusted = await verify(`${file}.allowed`);
          assert.deepEqual([trusted.failures, trusted.signature.state], [[], "ok"]);
        }
      } finally {
        if (before === undefined) delete process.env.SSH_AUTH_SOCK;
        else process.env.SSH_AUTH_SOCK = before;
        process.kill(Number(pid));
      }
    });

    it("refuses what is not there, no key, or open to everybody", async () => {
      assert.match(await problem(join(release.keys, "none")), /cannot be read: ENOENT.*\(2\)/s);
      writeFileSync(join(release.keys, "text"), "a text", { mode: 0o600 });
      assert.match(
        await problem(join(release.keys, "text")),
        /text is not a key of OpenSSH.*\(2\)/s,
      );
      const open = makeKey("open");
      chmodSync(open, 0o644);
      assert.match(await problem(open), /open can be read by others\nchmod 600 .*\(2\)/);
    });
  });
});
