import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";

import { countFaults, survived } from "./figures";
import { SuspectRelease } from "./suspectRelease";
import { isFullTier } from "../fullTier";

/** How often verify runs while something changes under its hands. */
const TIMES = isFullTier ? 8 : 1;

/** Appends to a file while it is read, up to 256 MiB, and begins anew. */
const GROW = `import sys
f = open(sys.argv[1], "ab", buffering=0)
f.write(b"x" * 2**20)
print("ready", flush=True)
while True:
    if f.write(b"x" * 2**20) and f.tell() > 2**28: f.truncate(0)`;

describe("a release that changes while it is verified", function () {
  this.timeout(300_000);
  const release = new SuspectRelease();
  const { at, edit, sumsAnew } = release;
  countFaults();

  /** Verifies again and again; `judge` gets each run's exit code, which is 0 or 1, and what it said. */
  async function assertEach(judge: (code: number, said: string) => void): Promise<void> {
    for (let time = 0; time < TIMES; time++) {
      const { code, stdout, stderr } = await release.run();
      assert.ok(code === 0 || code === 1, `${code}: ${stderr}`);
      judge(code, stdout + stderr);
      survived({ fault: "release changes while it is verified", where: "verify" });
    }
  }
  const refused = (code: number, said: string) => assert.equal(code, 1, said);

  it("in its sums, of which one fits the altered image and the other the signature", async () => {
    const genuine = readFileSync(at("SHA256SUMS"));
    writeFileSync(at("packer-kragle-qcow2"), "an imAge");
    sumsAnew();
    await release.exchangeWith("SHA256SUMS", genuine);
    await assertEach(refused);
  });

  it("in its signature", async () => {
    const genuine = readFileSync(at("SHA256SUMS.sig"));
    writeFileSync(at("packer-kragle-qcow2"), "an imAge");
    sumsAnew();
    writeFileSync(at("SHA256SUMS.sig"), "none");
    await release.exchangeWith("SHA256SUMS.sig", genuine);
    await assertEach(refused);
  });

  it("in its manifest: what is shown of it is what was compared", async () => {
    const genuine = readFileSync(at("manifest.json"));
    const { imageSha256 } = JSON.parse(genuine.toString()) as { imageSha256: string };
    const forged = genuine.toString().replaceAll(imageSha256, "f".repeat(64));
    assert.notEqual(forged, genuine.toString());
    await release.exchangeWith("manifest.json", forged);
    await assertEach((code, said) => {
      if (code === 0)
        assert.match(said, new RegExp(`^ok +manifest: .*${imageSha256.slice(0, 12)}`, "m"));
      else assert.match(said, /^altered +manifest\.json$/m);
    });
  });

  it("in what the provenance says", async () => {
    const genuine = readFileSync(at("provenance.json"));
    edit("provenance.json", ({ subject }) => subject.push({ name: "more", digest: {} }));
    await release.exchangeWith("provenance.json", genuine);
    await assertEach((code, said) => {
      if (code === 0) assert.match(said, /^ok +provenance: about 2 files/m);
      else assert.match(said, /^(failed +provenance: |altered +provenance\.json$)/m);
    });
  });

  for (const [what, make] of [
    ["FIFO", (path: string) => void execFileSync("mkfifo", [path])],
    ["link", (path: string) => symlinkSync("/dev/zero", path)],
  ] as const) {
    it(`in its image, which is now a file and now a ${what}`, async () => {
      make(release.elsewhere(what));
      await release.exchange("packer-kragle-qcow2", release.elsewhere(what));
      await assertEach((code, said) => {
        if (code === 1) assert.match(said, /^(altered|missing) +packer-kragle-qcow2/m);
      });
    });
  }

  it("in its evidence, which is now a folder and now a link to the same", async () => {
    cpSync(at("evidence"), release.elsewhere("same"), { recursive: true });
    symlinkSync(release.elsewhere("same"), release.elsewhere("link to the same"));
    await release.exchange("evidence", release.elsewhere("link to the same"));
    await assertEach((code, said) => {
      if (code === 1) assert.match(said, /evidence/);
    });
  });

  it("in an image that grows without end", async () => {
    await release.start("python3", "-c", GROW, at("packer-kragle-qcow2"));
    await assertEach((code, said) => {
      refused(code, said);
      assert.match(said, /^altered +packer-kragle-qcow2: it (has \d+ bytes|grew or shrank)/m);
    });
    truncateSync(at("packer-kragle-qcow2"), 0);
  });

  it("in sums that grow without end", async () => {
    await release.start("python3", "-c", GROW, at("SHA256SUMS"));
    await assertEach(refused);
  });
});
