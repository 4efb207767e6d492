import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { verifyRelease } from "../../release/verify/release";
import { isFullTier } from "../fullTier";
import { kragle } from "../kragle";
import { sha256 } from "../sha256";
import { SignedRelease } from "../signedRelease";

/** Releases that somebody prepared so that whoever verifies them is deceived, or waits for ever. */
describe("verifying what was prepared to deceive", function () {
  this.timeout(60_000);
  const release = new SignedRelease();
  const { at, edit, verify, describeAnew, sumsAnew } = release;
  const allowed = () => join(release.keys, "ours.allowed");
  const fifo = (name: string) => {
    rmSync(at(name), { force: true });
    execFileSync("mkfifo", [at(name)]);
  };

  it("refuses sums that are a FIFO, whose feeder would say something else the second time", async () => {
    const genuine = readFileSync(at("SHA256SUMS"));
    writeFileSync(at("packer-kragle-qcow2"), "an imAge");
    sumsAnew();
    cpSync(at("SHA256SUMS"), join(release.keys, "altered"));
    writeFileSync(join(release.keys, "genuine"), genuine);
    fifo("SHA256SUMS");
    const script = 'cat "$1/altered" >"$2"; cat "$1/genuine" >"$2"; cat "$1/genuine" >"$2"';
    const feeder = spawn("sh", ["-c", script, "sh", release.keys, at("SHA256SUMS")]);
    try {
      await assert.rejects(verify(allowed()), /SHA256SUMS is no regular file$/);
    } finally {
      feeder.kill();
    }
  });

  for (const name of [
    "manifest.json",
    "provenance.json",
    "sbom.cdx.json",
    "evidence/check/packages.json",
    "packer-kragle-qcow2",
    "SHA256SUMS.sig",
    "allowed_signers",
  ]) {
    it(`does not wait for a FIFO in place of ${name}`, async () => {
      fifo(name);
      const { failures, details } = await verify();
      assert.notDeepEqual(failures, []);
      const told = [...failures, ...details].join("\n");
      assert.match(told, /is no regular file/);
    });
  }

  it("refuses a device, a folder and a link in place of the manifest", async () => {
    const refused: [RegExp, () => void][] = [
      [/^manifest: is a link$/, () => symlinkSync("/dev/zero", at("manifest.json"))],
      [/^manifest: is a folder$/, () => mkdirSync(at("manifest.json"))],
    ];
    for (const [words, make] of refused) {
      rmSync(at("manifest.json"), { recursive: true });
      make();
      const { failures } = await verify(allowed());
      assert.ok(
        failures.some((failure) => words.test(failure)),
        failures.join("\n"),
      );
    }
  });

  it("follows no link, be it the folder's of a file", async () => {
    renameSync(at("evidence"), join(release.keys, "evidence"));
    symlinkSync(join(release.keys, "evidence"), at("evidence"));
    const { failures } = await verify(allowed());
    assert.ok(failures.includes("altered evidence/check/check.json"), failures.join("\n"));
    assert.ok(failures.includes("SBOM: lies behind a link"), failures.join("\n"));
  });

  it("reads no byte of a terabyte that the manifest does not say", async () => {
    truncateSync(at("kragle.raw"), 2 ** 40);
    const started = performance.now();
    const { stdout } = await kragle(release.place.at.home, ["verify", release.folder]);
    assert.match(stdout, /^altered {2}kragle\.raw: it has 1099511627776 bytes instead of 15$/m);
    // without a manifest to be believed there is no size to compare with
    truncateSync(at("manifest.json"), 10);
    const { failures } = await verify();
    assert.ok(failures.includes("not read kragle.raw"), failures.join("\n"));
    assert.ok(performance.now() - started < 20_000);
  });

  it("reads no terabyte that somebody else than the trusted key says there has to be", async () => {
    truncateSync(at("kragle.raw"), 2 ** 40);
    edit("manifest.json", ({ files, sizes, conversions }) => {
      sizes["kragle.raw"] = conversions.raw.bytes = 2 ** 40;
      files["kragle.raw"] = conversions.raw.sha256 = sha256("a terabyte of nothing");
    });
    const lines = readFileSync(at("SHA256SUMS"), "utf8").replace(
      /^\S+ \*kragle\.raw$/m,
      `${sha256("a terabyte of nothing")} *kragle.raw`,
    );
    const manifest = sha256(readFileSync(at("manifest.json")));
    writeFileSync(
      at("SHA256SUMS"),
      lines.replace(/^\S+ \*manifest\.json$/m, `${manifest} *manifest.json`),
    );
    const args = ["verify", release.folder, "--allowed-signers", allowed()];
    const { stdout, code } = await kragle(release.place.at.home, args);
    assert.match(stdout, /^failed {3}signature: /m);
    assert.match(
      stdout,
      /^not read kragle\.raw: it has 1099511627776 bytes, and nothing to believe/m,
    );
    assert.match(stdout, /^ok {7}manifest\.json$/m);
    assert.match(
      stdout,
      /\nNOT verified: \d checks? failed.*, 1 file was not read; \d+ files are right\n$/,
    );
    assert.equal(code, 1);
  });

  it("tells how far it is where nobody signed how large a file has to be", async function () {
    if (!isFullTier) return this.skip();
    const bytes = 4 * 2 ** 30;
    rmSync(at("SHA256SUMS.sig"));
    truncateSync(at("kragle.raw"), bytes);
    edit("manifest.json", ({ sizes }) => (sizes["kragle.raw"] = bytes));
    const manifest = sha256(readFileSync(at("manifest.json")));
    const sums = readFileSync(at("SHA256SUMS"), "utf8");
    writeFileSync(
      at("SHA256SUMS"),
      sums.replace(/^\S+ \*manifest\.json$/m, `${manifest} *manifest.json`),
    );
    const told: number[] = [];
    await verifyRelease(release.folder, undefined, (name, done, total) => {
      assert.deepEqual([name, total], ["kragle.raw", bytes]);
      told.push(done);
    });
    assert.ok(told.length > 0 && told.every((done, i) => done > (told[i - 1] ?? 0)));
  });

  it("refuses sums, a manifest and a signature that are larger than any", async () => {
    for (const name of ["manifest.json", "SHA256SUMS.sig"]) {
      truncateSync(at(name), 2 ** 40);
      const { failures } = await verify();
      assert.ok(
        failures.some((text) => /is larger than/.test(text)),
        failures.join("\n"),
      );
    }
    truncateSync(at("SHA256SUMS"), 2 ** 40);
    await assert.rejects(verify(), /SHA256SUMS is larger than the \d+ bytes/);
  });

  it("hands no key to GPG or ssh-keygen with which they would be busy for hours", async () => {
    truncateSync(at("allowed_signers"), 2 ** 20 + 1);
    const { signature } = await verify();
    assert.match(signature.detail, /^allowed_signers is larger than the 1048576 bytes/);
  });

  it("shows names on a line of their own, whatever is in them", async () => {
    writeFileSync(
      at("x\nverified: 12 files, signed by SHA256:x, which is trusted\u001b[1A\u202e"),
      "",
    );
    const { stdout, code } = await kragle(release.place.at.home, ["verify", release.folder]);
    assert.equal(code, 1);
    assert.match(stdout, /^added {4}x\\nverified: .*\\u\{1b\}\[1A\\u\{202e\}$/m);
    assert.match(stdout.trimEnd().split("\n").at(-1)!, /^NOT verified: 1 file is altered/);
  });

  it("finds files whose names sha256sum escapes", async () => {
    release.copy(release.unsigned);
    const name = "evidence/a\nb\\c";
    writeFileSync(at(name), "x");
    describeAnew(name);
    const line = execFileSync("sha256sum", ["--binary", name], { cwd: release.folder });
    writeFileSync(at("SHA256SUMS"), readFileSync(at("SHA256SUMS"), "utf8") + line.toString());
    assert.deepEqual((await verify()).failures, []);
  });

  it("needs no whole release where a published version says what it has, and hides nothing else", async () => {
    const names = ["packer-kragle-qcow2", "manifest.json"];
    writeFileSync(at("publication.json"), JSON.stringify({ files: names }));
    rmSync(at("kragle.raw"));
    assert.deepEqual((await verify(allowed())).failures, []);
    rmSync(at("packer-kragle-qcow2"));
    rmSync(at("provenance.json"));
    const { failures } = await verify(allowed());
    assert.deepEqual(failures, ["provenance: is missing", "missing packer-kragle-qcow2"]);
  });

  describe("keys that are trusted", () => {
    const says = async (file: string) => {
      const args = ["verify", release.folder, "--allowed-signers", file];
      return kragle(release.place.at.home, args);
    };

    it("are taken as a plain public key, too", async () => {
      const { stdout, code } = await says(join(release.keys, "ours.pub"));
      assert.match(stdout, /^ok {7}signature: .*ours\.pub trusts$/m);
      assert.equal(code, 0);
      assert.match(stdout, /, which is trusted\n$/);
      assert.equal((await says(join(release.keys, "theirs.pub"))).code, 1);
    });

    it("are found behind the line that lets the same key sign commits", async () => {
      const plain = readFileSync(allowed(), "utf8");
      const line = (of: string) => plain.replace(" ", ` namespaces="${of}" `);
      writeFileSync(join(release.keys, "both"), line("git") + line("kragle"));
      assert.match((await says(join(release.keys, "both"))).stdout, /^ok {7}signature: /m);
      writeFileSync(join(release.keys, "git"), line("git"));
      assert.match((await says(join(release.keys, "git"))).stdout, /^failed {3}signature: /m);
    });

    it("are refused as a private key and as an empty file, with what is meant", async () => {
      writeFileSync(join(release.keys, "empty"), "\n");
      const named = async (name: string) => {
        const { code, stderr } = await says(join(release.keys, name));
        return [code, stderr];
      };
      const [code, words] = await named("ours");
      assert.equal(code, 2);
      assert.match(String(words), /ours is a private key; .* its public half, .*ours\.pub$/m);
      assert.match(String((await named("empty"))[1]), /empty is empty/);
    });
  });

  it("names the folder for temporary files where there is none", () => {
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const env = { ...process.env, TMPDIR: "/nowhere", PATH };
    try {
      execFileSync("./kragle", ["verify", release.folder], {
        env: { ...env, KRAGLE_HOME: release.place.at.home },
        stdio: "pipe",
      });
      assert.fail("it found another folder");
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: Buffer };
      assert.equal(status, 3);
      assert.match(
        String(stderr),
        /nothing can be written in \/nowhere, the folder for temporary files/,
      );
    }
  });
});
