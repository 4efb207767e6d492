import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { type Verification, verifyRelease } from "../../cli/verify";
import { projectFolder } from "../../stages/project";
import { findSigner } from "../../stages/release/signing";
import { writeStackRecord } from "../../store/stackRecord";
import { kragle } from "../kragle";
import { ReleasePlace } from "../releasePlace";

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

/** JSON that a test tampers with. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Loose = Record<string, any>;

interface Verified {
  /** What did not pass, as "name: detail" of a check, or "state name" of a file. */
  readonly failures: readonly string[];
  readonly signature: { readonly state: string; readonly detail: string };
}

describe("verifying a release", function () {
  this.timeout(120_000);
  let place: ReleasePlace;
  let keys: string;
  /** A copy of the signed release, a new one for each test: alone, as on another machine. */
  let folder: string;
  let signed: string;
  let unsigned: string;
  const at = (name: string) => join(folder, name);

  const makeKey = (name: string, passphrase = "") => {
    const file = join(keys, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", file]);
    const allowed = `${name}@example.org ${readFileSync(`${file}.pub`, "utf8")}`;
    writeFileSync(`${file}.allowed`, allowed);
    return file;
  };

  before(async function () {
    try {
      execFileSync("ssh-keygen", ["-Y", "none"], { stdio: "ignore" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") this.skip();
    }
    keys = mkdtempSync(join(tmpdir(), "kragle keys "));
    place = new ReleasePlace();
    await place.open();
    await place.release("an image");
    cpSync(place.output, (unsigned = join(keys, "unsigned")), { recursive: true });
    const signKey = makeKey("ours");
    makeKey("theirs");
    const { fingerprint: signer } = await findSigner(signKey);
    await place.release("an image", ["raw"], true, { signKey, signer });
    cpSync(place.output, (signed = join(keys, "signed")), { recursive: true });
  });
  after(async () => {
    await place.close();
    rmSync(keys, { recursive: true });
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle rëleased "));
    cpSync(signed, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function verify(allowedSigners?: string): Promise<Verified> {
    const { good, checks, files } = await verifyRelease(folder, allowedSigners);
    const failures = [
      ...checks
        .filter(({ state }) => state === "failed")
        .map(({ name, detail }) => `${name}: ${detail}`),
      ...files.filter(({ state }) => state !== "ok").map(({ name, state }) => `${state} ${name}`),
    ];
    assert.equal(good, failures.length === 0);
    return { failures, signature: checks[0]! };
  }
  const trusting = () => verify(join(keys, "ours.allowed"));

  /** What somebody would do who changes a file and hopes that nobody compares: the sums made anew, the signature not. */
  function sumsAnew() {
    const names = readFileSync(at("SHA256SUMS"), "utf8").trim().split("\n");
    const lines = names.map((line) => line.slice(66));
    writeFileSync(
      at("SHA256SUMS"),
      lines.map((name) => `${sha256(readFileSync(at(name)))} *${name}\n`).join(""),
    );
  }
  function edit(name: string, change: (value: Loose) => void) {
    const value = JSON.parse(readFileSync(at(name), "utf8")) as Record<string, unknown>;
    change(value);
    writeFileSync(at(name), JSON.stringify(value));
  }
  /** Sums and manifest made anew, so that only what the files say of each other can tell. */
  function consistently(name: string, change: (value: Loose) => void) {
    rmSync(folder, { recursive: true });
    cpSync(unsigned, folder, { recursive: true });
    edit(name, change);
    edit("manifest.json", ({ files }) => (files[name] = sha256(readFileSync(at(name)))));
    sumsAnew();
  }

  it("finds one whole that is copied alone to another place, and says whose it is", async () => {
    const { failures, signature } = await trusting();
    assert.deepEqual(failures, []);
    assert.equal(signature.state, "ok");
    assert.match(signature.detail, /signed by SHA256:\S+, which .*ours\.allowed trusts$/);
  });

  it("takes the keys from a pipe too", () => {
    const command = `./kragle verify "$1" --allowed-signers <(cat "$2")`;
    const args = ["-c", command, "bash", folder, join(keys, "ours.allowed")];
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const env = { ...process.env, PATH, KRAGLE_HOME: place.at.home };
    const said = execFileSync("bash", args, { cwd: projectFolder, env, encoding: "utf8" });
    assert.match(said, /^ok {7}signature: SHA256SUMS is signed by SHA256:/);
  });

  it("prints a line for each thing", async () => {
    const { stdout, code } = await kragle(place.at.home, ["verify", folder]);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.match(lines[0]!, /^warning {2}signature: .*came along; .* --allowed-signers can tell$/);
    assert.match(lines[1]!, /^ok {7}manifest: names 11 files, image [0-9a-f]{12}$/);
    assert.match(lines[2]!, /^ok {7}provenance: about 2 files; 2 settings, \d+ dependencies$/);
    assert.equal(lines[3], "ok       SBOM: 1 packages of the image's own database");
    assert.equal(lines[4], "ok       packer-kragle-qcow2");
    assert.equal(lines.length, 4 + 12);
  });

  it("ends with exit code 1 where anything failed, and tells it as JSON", async () => {
    rmSync(at("kragle.raw"));
    const { code, stdout } = await kragle(place.at.home, ["verify", folder, "--json"]);
    const { folder: told, good, files } = JSON.parse(stdout) as Verification;
    assert.deepEqual([code, told, good], [1, folder, false]);
    assert.deepEqual(files[1], { name: "kragle.raw", state: "missing" });
  });

  it("takes the last release of a stack where no folder is named", async () => {
    const outputs = { imagePath: at("packer-kragle-qcow2") };
    const record = { engine: "embedded", outputs, finishedAt: "2026-11-01T00:00:00Z" } as const;
    await writeStackRecord(place.at.home, "dev", record);
    assert.equal((await kragle(place.at.home, ["verify", "-s", "dev"])).code, 0);
  });

  it("names what an interrupted release left, which is no part of this one", async () => {
    mkdirSync(at(".incoming-1"));
    writeFileSync(at(".incoming-1/kragle.raw"), "half");
    const { code, stdout } = await kragle(place.at.home, ["verify", folder]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^unfinished \.incoming-1$/m);
  });

  it("says plainly that a release is not signed, and fails where a signature is asked for", async () => {
    rmSync(folder, { recursive: true });
    cpSync(unsigned, folder, { recursive: true });
    const { failures, signature } = await verify();
    assert.deepEqual(failures, []);
    assert.equal(signature.state, "warning");
    assert.match(signature.detail, /^not signed: /);
    assert.deepEqual((await trusting()).failures, ["signature: the release is not signed"]);
  });

  const failing: [string, () => void, RegExp][] = [
    [
      "an altered image",
      () => writeFileSync(at("packer-kragle-qcow2"), "an imAge"),
      /^altered packer-kragle-qcow2$/,
    ],
    [
      "a truncated image",
      () => truncateSync(at("packer-kragle-qcow2"), 3),
      /^altered packer-kragle-qcow2$/,
    ],
    ["an altered conversion", () => appendFileSync(at("kragle.raw"), "\0"), /^altered kragle.raw$/],
    ["a removed file", () => rmSync(at("kragle.raw")), /^missing kragle.raw$/],
    ["an added file", () => writeFileSync(at("evidence/more"), ""), /^added evidence\/more$/],
    [
      "a file that has become a link",
      () => {
        cpSync(at("kragle.raw"), join(keys, "elsewhere"));
        rmSync(at("kragle.raw"));
        symlinkSync(join(keys, "elsewhere"), at("kragle.raw"));
      },
      /^altered kragle.raw$/,
    ],
    [
      "an altered bill of materials",
      () => edit("sbom.cdx.json", ({ components }) => components.pop()),
      /^altered sbom.cdx.json$/,
    ],
    [
      "an altered provenance with sums made anew",
      () => {
        edit("provenance.json", ({ predicate }) => (predicate.runDetails.builder.id = "urn:x"));
        sumsAnew();
      },
      /^signature: SHA256SUMS.sig: /,
    ],
    [
      "sums that lack a file",
      () => {
        const text = readFileSync(at("SHA256SUMS"), "utf8");
        writeFileSync(at("SHA256SUMS"), text.replace(/.*kragle\.raw\n/, ""));
      },
      /^added kragle.raw$/,
    ],
    [
      "truncated sums",
      () => truncateSync(at("SHA256SUMS"), 300),
      /^SHA256SUMS: its last line is cut off$/,
    ],
    [
      "sums that lead out of the folder",
      () => appendFileSync(at("SHA256SUMS"), `${sha256("")} *../x\n`),
      /^SHA256SUMS: "..\/x" leads out of the folder$/,
    ],
    ["empty sums", () => writeFileSync(at("SHA256SUMS"), ""), /^SHA256SUMS: it lists nothing$/],
    [
      "a truncated manifest",
      () => truncateSync(at("manifest.json"), 100),
      /^manifest: cannot be read: /,
    ],
    ["no manifest", () => rmSync(at("manifest.json")), /^missing manifest.json$/],
    [
      "a signature that is gone",
      () => rmSync(at("SHA256SUMS.sig")),
      /^manifest: there is no good signature by SHA256:/,
    ],
    [
      "a signature of something else",
      () => {
        writeFileSync(join(keys, "other"), "other");
        sign("ours", join(keys, "other"));
        cpSync(join(keys, "other.sig"), at("SHA256SUMS.sig"));
      },
      /^signature: SHA256SUMS.sig: .*incorrect signature/,
    ],
    [
      "a truncated signature",
      () => truncateSync(at("SHA256SUMS.sig"), 120),
      /^signature: SHA256SUMS.sig: /,
    ],
    [
      "a signature for another purpose",
      () => sign("ours", at("SHA256SUMS"), "file"),
      /^signature: SHA256SUMS.sig: /,
    ],
    [
      "a signature by another key",
      () => sign("theirs", at("SHA256SUMS")),
      /^signature: SHA256SUMS.sig: not by a trusted key/,
    ],
    [
      "a signature by another key, whose public key came along",
      () => {
        sign("theirs", at("SHA256SUMS"));
        cpSync(join(keys, "theirs.allowed"), at("allowed_signers"));
      },
      /^manifest: there is no good signature by SHA256:/,
    ],
  ];
  const sign = (key: string, file: string, namespace = "kragle") => {
    rmSync(`${file}.sig`, { force: true });
    const args = ["-Y", "sign", "-q", "-n", namespace, "-f", join(keys, key), file];
    execFileSync("ssh-keygen", args, { stdio: "ignore" });
  };
  for (const [what, tamper, expected] of failing) {
    it(`notices ${what}`, async () => {
      tamper();
      const { failures } = await verify();
      assert.ok(
        failures.some((failure) => expected.test(failure)),
        failures.join("\n"),
      );
      assert.notDeepEqual((await trusting()).failures, []);
    });
  }

  it("notices a release made anew and signed by somebody else, where it knows whom to trust", async () => {
    const signKey = join(keys, "theirs");
    const { fingerprint: signer } = await findSigner(signKey);
    await place.release("an image", ["raw"], true, { signKey, signer });
    cpSync(place.output, folder, { recursive: true });
    const { failures, signature } = await verify();
    assert.deepEqual([failures, signature.state], [[], "warning"]);
    assert.match((await trusting()).failures.join("\n"), /not by a trusted key/);
  });

  const inconsistent: [string, string, (value: Loose) => void, RegExp][] = [
    [
      "a provenance of another image",
      "provenance.json",
      ({ subject }) => (subject[0].digest.sha256 = sha256("another")),
      /^provenance: it is not about packer-kragle-qcow2 as released$/,
    ],
    [
      "a provenance that says less of the conversions",
      "provenance.json",
      ({ subject }) => subject.pop(),
      /^provenance: it is not about kragle.raw as released$/,
    ],
    [
      "a provenance without its settings",
      "provenance.json",
      ({ predicate }) => (predicate.buildDefinition.externalParameters.settings = {}),
      /^provenance: incomplete or wrong at predicate.buildDefinition.externalParameters.settings/,
    ],
    [
      "a provenance without dependencies",
      "provenance.json",
      ({ predicate }) => delete predicate.buildDefinition.resolvedDependencies,
      /^provenance: incomplete or wrong at predicate.buildDefinition.resolvedDependencies/,
    ],
    [
      "another image's bill of materials",
      "sbom.cdx.json",
      ({ metadata }) => (metadata.component.hashes[0].content = sha256("another")),
      /^SBOM: it belongs to another image$/,
    ],
    [
      "a bill of materials that lacks a package",
      "sbom.cdx.json",
      ({ components }) => components.pop(),
      /^SBOM: it lacks bash 5\.2-2$/,
    ],
    [
      "a bill of materials with a package more",
      "sbom.cdx.json",
      ({ components }) => components.push({ name: "x", purl: "pkg:deb/debian/x@1" }),
      /^SBOM: it lists 2 packages, the manifest says 1$/,
    ],
    [
      "a bill of materials that is none",
      "sbom.cdx.json",
      (value) => (value.bomFormat = "SPDX"),
      /^SBOM: incomplete or wrong at bomFormat: /,
    ],
  ];
  for (const [what, name, change, expected] of inconsistent) {
    it(`notices ${what}, though every sum is right`, async () => {
      consistently(name, change);
      const { failures } = await verify();
      assert.equal(failures.length, 1, failures.join("\n"));
      assert.match(failures[0]!, expected);
    });
  }

  it("refuses a folder that is no release, and keys that are not there", async () => {
    const nowhere = await kragle(place.at.home, ["verify", "/nowhere"]);
    assert.deepEqual(
      [nowhere.code, nowhere.stderr],
      [1, "/nowhere has no SHA256SUMS, so it is not a release\n"],
    );
    const noKeys = await kragle(place.at.home, ["verify", folder, "--allowed-signers", "/none"]);
    assert.deepEqual(
      [noKeys.code, noKeys.stderr],
      [2, "--allowed-signers: there is no file /none\n"],
    );
  });

  describe("with GPG", () => {
    const home = () => join(keys, "gnupg");
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
          writeFileSync(join(keys, `${id}.asc`), gpg("--armor", "--export", id));
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") this.skip();
        throw error;
      }
      process.env.GNUPGHOME = home();
      const signKey = "gpg:ours@example.org";
      const { fingerprint: signer } = await findSigner(signKey);
      await place.release("an image", ["raw"], true, { signKey, signer });
    });
    after(() => {
      if (before_ === undefined) delete process.env.GNUPGHOME;
      else process.env.GNUPGHOME = before_;
      execFileSync("gpgconf", ["--homedir", home(), "--kill", "all"], { stdio: "ignore" });
    });
    beforeEach(() => {
      rmSync(folder, { recursive: true });
      cpSync(place.output, folder, { recursive: true });
      assert.ok(!place.names().includes("SHA256SUMS.sig"), "the earlier signature has to go");
    });

    it("trusts a key that it was given, and the one that came along with a warning", async () => {
      const trusted = await verify(join(keys, "ours@example.org.asc"));
      assert.deepEqual([trusted.failures, trusted.signature.state], [[], "ok"]);
      assert.match(trusted.signature.detail, /signed by [0-9A-F]{40}, which /);
      const along = await verify();
      assert.deepEqual([along.failures, along.signature.state], [[], "warning"]);
    });

    it("notices another key, an altered file with sums made anew, a truncated signature", async () => {
      const other = await verify(join(keys, "theirs@example.org.asc"));
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
      const { kind, fingerprint, publicKey } = await findSigner(join(keys, "ours"));
      const [type, blob] = readFileSync(join(keys, "ours.pub"), "utf8").split(" ");
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
        const ask = join(keys, "ask");
        writeFileSync(ask, "#!/bin/sh\necho secret\n", { mode: 0o700 });
        const env = { ...process.env, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: "force" };
        execFileSync("ssh-add", ["-q", file], { env, stdio: "ignore" });
        for (const signKey of [file, `${file}.pub`]) {
          const { fingerprint: signer } = await findSigner(signKey);
          await place.release("an image", ["raw"], true, { signKey, signer });
          rmSync(folder, { recursive: true });
          cpSync(place.output, folder, { recursive: true });
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
      assert.match(await problem(join(keys, "none")), /cannot be read: ENOENT.*\(2\)/s);
      writeFileSync(join(keys, "text"), "a text", { mode: 0o600 });
      assert.match(await problem(join(keys, "text")), /text is not a key of OpenSSH.*\(2\)/s);
      const open = makeKey("open");
      chmodSync(open, 0o644);
      assert.match(await problem(open), /open can be read by others\nchmod 600 .*\(2\)/);
    });
  });
});
