import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";

import { hashOpened } from "../../host/files";
import { parseSums } from "../../release/sums";
import { kragle } from "../kragle";
import { sha256 } from "../sha256";
import { SignedRelease } from "../signedRelease";

/** Siblings of what `verifyHostile` has: races, other people's words and huge counts. */
describe("verifying what grows, repeats itself or was signed for something else", function () {
  this.timeout(120_000);
  const release = new SignedRelease();
  const { at, verify, edit, describeAnew, sumsAnew } = release;
  const allowed = () => join(release.keys, "ours.allowed");

  it("takes a digest of what a file was when it was opened, and so comes to an end", async () => {
    const file = join(release.folder, "grows");
    writeFileSync(file, "as it was");
    const handle = await open(file);
    try {
      const stat = handle.stat.bind(handle);
      handle.stat = (async () => {
        const facts = await stat();
        appendFileSync(file, " and more");
        return facts;
      }) as unknown as typeof handle.stat;
      assert.equal(await hashOpened(handle, "sha256"), sha256("as it was"));
    } finally {
      await handle.close();
    }
  });

  it("refuses a signature by a trusted key that was made for something else", async () => {
    for (const [namespace, text] of [
      ["git", readFileSync(at("SHA256SUMS"))],
      ["file", readFileSync(at("SHA256SUMS"))],
      ["kragle", "other bytes"],
    ] as const) {
      const input = join(release.keys, "signed-for-else");
      rmSync(`${input}.sig`, { force: true });
      writeFileSync(input, text);
      execFileSync(
        "ssh-keygen",
        ["-q", "-Y", "sign", "-n", namespace, "-f", join(release.keys, "ours"), input],
        { stdio: "ignore" },
      );
      writeFileSync(at("SHA256SUMS.sig"), readFileSync(`${input}.sig`));
      for (const keys of [allowed(), undefined]) {
        const { failures } = await verify(keys);
        assert.ok(
          failures.some((one) => one.startsWith("signature: ")),
          `${namespace}: ${failures.join()}`,
        );
      }
    }
  });

  it("tells the first problems of millions", () => {
    const { problems } = parseSums(Buffer.alloc(4 * 2 ** 20, "\n"));
    assert.ok(problems.length < 100, String(problems.length));
  });

  it("is not kept busy by a list of what was published", async () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `n${i}`);
    writeFileSync(at("publication.json"), JSON.stringify({ files: names }));
    appendFileSync(at("SHA256SUMS"), names.map((one) => `${sha256("")} *x${one}\n`).join(""));
    const began = performance.now();
    await verify();
    assert.ok(performance.now() - began < 60_000, `${performance.now() - began}`);
  });

  it("does not take a publication for one that has no image in any format", async () => {
    writeFileSync(at("publication.json"), JSON.stringify({ files: ["manifest.json"] }));
    rmSync(at("kragle.raw"));
    rmSync(at("packer-kragle-qcow2"));
    const { failures } = await verify(allowed());
    assert.notDeepEqual(failures, []);
  });

  it("compares every statement, also of names that stand there twice", async () => {
    release.copy(release.unsigned);
    edit("provenance.json", ({ subject }) =>
      subject.unshift({ name: "kragle.raw", digest: { sha256: sha256("evil") } }),
    );
    describeAnew("provenance.json");
    assert.deepEqual((await verify()).failures, [
      "provenance: kragle.raw has another digest in SHA256SUMS",
    ]);
    release.copy(release.unsigned);
    edit(
      "manifest.json",
      ({ conversions }) =>
        (conversions.a = { path: "x/kragle.raw", sha256: sha256("evil"), bytes: 1 }),
    );
    sumsAnew();
    assert.notDeepEqual((await verify()).failures, []);
    release.copy(release.unsigned);
    edit("manifest.json", ({ conversions }) => {
      const { raw } = conversions;
      delete conversions.raw;
      conversions.a = { ...raw, sha256: sha256("evil") };
      conversions.raw = raw;
    });
    sumsAnew();
    assert.notDeepEqual((await verify()).failures, [], "two digests");
  });

  it("comes to an end with folders deeper than any path, and names that are no UTF-8", async () => {
    execFileSync("python3", [
      "-c",
      `
import os, sys
os.chdir(sys.argv[1])
for _ in range(1500):
    os.mkdir("deep"); os.chdir("deep")
`,
      at("evidence"),
    ]);
    try {
      const { stdout, stderr, code } = await kragle(release.place.at.home, [
        "verify",
        release.folder,
      ]);
      assert.match(
        stdout,
        /^NOT verified: 1 file is altered, missing or added; \d+ files are right$/m,
      );
      assert.equal(stderr, "");
      assert.equal(code, 1);
    } finally {
      execFileSync("rm", ["-rf", at("evidence/deep")]);
    }
  });

  it("sees a second file whose name looks like one that is listed", async () => {
    release.copy(release.unsigned);
    const name = "evidence/x\ufffd";
    writeFileSync(at(name), "x");
    writeFileSync(Buffer.concat([Buffer.from(at("evidence/x")), Buffer.from([0xff])]), "y");
    describeAnew(name);
    appendFileSync(at("SHA256SUMS"), `${sha256("x")} *${name}\n`);
    assert.deepEqual((await verify()).failures, [`added ${name}`]);
  });

  it("judges any manifest in words, and never takes one for good that is not the one of the sums", async () => {
    release.copy(release.unsigned);
    const genuine = readFileSync(at("manifest.json"), "utf8");
    const names = Object.keys(JSON.parse(genuine) as object);
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(1e300, -1, "../x", "/etc/passwd", "__proto__", "\u202e", {}, [], null),
      fc.dictionary(
        fc.constantFrom("__proto__", "constructor", "packer-kragle-qcow2"),
        fc.string(),
      ),
    );
    const changed = fc
      .tuple(fc.constantFrom(...names), odd)
      .map(([name, value]) =>
        JSON.stringify({ ...(JSON.parse(genuine) as object), [name]: value }),
      );
    const torn = fc.nat(genuine.length - 1).map((length) => genuine.slice(0, length));
    const twice = fc.constantFrom(...names).map((name) => `{"${name}":1,${genuine.slice(1)}`);
    const bytes = fc
      .uint8Array({ maxLength: 50 })
      .map((some) => Buffer.from(some).toString("latin1"));
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, torn, twice, bytes), fc.boolean(), async (text, anew) => {
        release.copy(release.unsigned);
        writeFileSync(at("manifest.json"), text);
        if (anew) sumsAnew();
        const { failures } = await verify();
        if (!anew && text !== genuine) assert.ok(failures.includes("altered manifest.json"));
      }),
      { numRuns: 150 },
    );
  });

  it("names few of many files of which manifest and sums differ", async () => {
    edit("manifest.json", ({ files }) => {
      for (let i = 0; i < 100_000; i++) files[`none${i}`] = sha256("");
    });
    const { failures } = await verify();
    assert.ok(failures.join("\n").length < 10_000, String(failures.join("\n").length));
  });
});
