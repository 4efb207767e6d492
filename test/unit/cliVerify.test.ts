import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import type { Verification } from "../../release/verify/release";
import { projectFolder } from "../../host/project";
import { writeStackRecord } from "../../store/stackRecord";
import { kragle } from "../kragle";
import { SIGNED } from "../releasePlace";
import { sha256 } from "../sha256";
import { type Loose, SignedRelease } from "../signedRelease";
import { ownerOf } from "../stacks";

describe("verifying a release", function () {
  this.timeout(120_000);
  const release = new SignedRelease();
  const { at, describeAnew, edit, sumsAnew, verify } = release;
  const trusting = () => verify(join(release.keys, "ours.allowed"));

  function consistently(name: string, change: (value: Loose) => void) {
    release.copy(release.unsigned);
    edit(name, change);
    describeAnew(name);
  }

  it("finds one whole that is copied alone to another place, and says whose it is", async () => {
    const { failures, signature } = await trusting();
    assert.deepEqual(failures, []);
    assert.equal(signature.state, "ok");
    assert.match(signature.detail, /signed by SHA256:\S+, which .*ours\.allowed trusts$/);
  });

  it("takes the keys from a pipe too", () => {
    const command = `./kragle verify "$1" --allowed-signers <(cat "$2")`;
    const args = ["-c", command, "bash", release.folder, join(release.keys, "ours.allowed")];
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const env = { ...process.env, PATH, KRAGLE_HOME: release.place.at.home };
    const said = execFileSync("bash", args, { cwd: projectFolder, env, encoding: "utf8" });
    assert.match(said, /^ok {7}signature: SHA256SUMS is signed by SHA256:/);
  });

  it("prints a line for each thing", async () => {
    const { stdout, code } = await kragle(release.place.at.home, ["verify", release.folder]);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.match(lines[0]!, /^warning {2}signature: .*came along; .* --allowed-signers can tell$/);
    const [, named, image] = /^ok {7}manifest: names (\d+) files, image (\w+)$/.exec(lines[1]!)!;
    assert.deepEqual([Number(named), image!.length], [SIGNED.length - 1, 12]);
    assert.match(lines[2]!, /^ok {7}provenance: about 2 files; 2 settings, \d+ dependencies$/);
    assert.equal(
      lines[3],
      "ok       SBOM: 1 package of the image's own database, 1 file that none of them accounts for",
    );
    assert.equal(lines[4], "ok       packer-kragle-qcow2");
    assert.equal(lines.length, 4 + SIGNED.length + 1);
    const [verdict, key] = lines.at(-1)!.split(/, signed by SHA256:\S+, /);
    assert.equal(verdict, `verified: ${SIGNED.length} files`);
    assert.equal(key, "and nothing says whose key that is");
  });

  it("ends with exit code 1 where anything failed, and tells it as JSON", async () => {
    rmSync(at("kragle.raw"));
    const { code, stdout } = await kragle(release.place.at.home, [
      "verify",
      release.folder,
      "--json",
    ]);
    const { folder: told, good, files, verdict } = JSON.parse(stdout) as Verification;
    assert.deepEqual([code, told, good], [1, release.folder, false]);
    assert.equal(
      verdict,
      `NOT verified: 1 file is altered, missing or added; ${SIGNED.length - 1} files are right`,
    );
    assert.deepEqual(files[1], { name: "kragle.raw", state: "missing" });
  });

  it("takes the last release of a stack where no folder is named", async () => {
    const outputs = { imagePath: at("packer-kragle-qcow2") };
    const record = { engine: "embedded", outputs, finishedAt: "2026-11-01T00:00:00Z" } as const;
    await writeStackRecord(release.place.at.home, ownerOf(release.place.at.home, "dev"), record);
    assert.equal((await kragle(release.place.at.home, ["verify", "-s", "dev"])).code, 0);
  });

  it("says plainly that a release is not signed, and fails where a signature is asked for", async () => {
    release.copy(release.unsigned);
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
        cpSync(at("kragle.raw"), join(release.keys, "elsewhere"));
        rmSync(at("kragle.raw"));
        symlinkSync(join(release.keys, "elsewhere"), at("kragle.raw"));
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
        writeFileSync(join(release.keys, "other"), "other");
        sign("ours", join(release.keys, "other"));
        cpSync(join(release.keys, "other.sig"), at("SHA256SUMS.sig"));
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
        cpSync(join(release.keys, "theirs.allowed"), at("allowed_signers"));
      },
      /^manifest: there is no good signature by SHA256:/,
    ],
  ];
  const sign = (key: string, file: string, namespace = "kragle") => {
    rmSync(`${file}.sig`, { force: true });
    const args = ["-Y", "sign", "-q", "-n", namespace, "-f", join(release.keys, key), file];
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
    const signKey = join(release.keys, "theirs");
    await release.releaseSigned(signKey);
    cpSync(release.place.output, release.folder, { recursive: true });
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
      "a bill of materials that lacks a file",
      "sbom.cdx.json",
      (bill) => (bill.components = bill.components.filter((one: Loose) => one.type !== "file")),
      /^SBOM: it lacks the file \/srv\/data as it was found$/,
    ],
    [
      "a bill of materials with a file's other digest",
      "sbom.cdx.json",
      ({ components }) =>
        (components.find((one: Loose) => one.type === "file").hashes[0].content = sha256("x")),
      /^SBOM: it lacks the file \/srv\/data as it was found$/,
    ],
    [
      "a bill of materials that lacks a package",
      "sbom.cdx.json",
      (bill) => (bill.components = bill.components.filter((one: Loose) => one.type === "file")),
      /^SBOM: it lacks bash 5\.2-2$/,
    ],
    [
      "a bill of materials with a package more",
      "sbom.cdx.json",
      ({ components }) => components.push({ name: "x", purl: "pkg:deb/debian/x@1" }),
      /^SBOM: it has x, which is not installed$/,
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
    const refused: readonly [string, number, RegExp][] = [
      ["/nowhere", 2, /^there is no folder "\/nowhere"\n {2}next: a release is a folder, /],
      [" ", 2, /^there is no folder " "\n/],
      ["package.json", 2, /^"package\.json" is no folder\n/],
      ["docs", 1, /^docs has no SHA256SUMS, so it is not a release\n$/],
    ];
    for (const [folder, exitCode, words] of refused) {
      const { code, stderr } = await kragle(release.place.at.home, ["verify", folder]);
      assert.match(stderr, words);
      assert.equal(code, exitCode);
    }
    const noKeys = await kragle(release.place.at.home, [
      "verify",
      release.folder,
      "--allowed-signers",
      "/none",
    ]);
    assert.deepEqual(
      [noKeys.code, noKeys.stderr],
      [2, "--allowed-signers: there is no file /none\n"],
    );
  });
});
