import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { PublicationDestination } from "../../plan/publication";
import { findSigner } from "../../release/signing";
import { verifyRelease } from "../../release/verify/release";
import { runStage } from "../../run/runStage";
import { publish } from "../../stages/publish/publish";
import { restorePath } from "../firstOnPath";
import { fakeVirsh } from "../fakeVirsh";
import { ReleasePlace, SIGNED } from "../releasePlace";
import { publishCall } from "../sampleCalls";
import { executor } from "../site";

/** What others take from a published place has to be as good as the release itself. */
describe("verifying a published version of a signed release", function () {
  this.timeout(60_000);
  let outer: string;
  let place: ReleasePlace;

  before(async () => {
    outer = mkdtempSync(join(tmpdir(), "kragle pübl "));
    const key = join(outer, "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]);
    place = new ReleasePlace();
    await place.open();
  });
  after(async () => {
    await place.close();
    rmSync(outer, { recursive: true });
  });
  afterEach(restorePath);

  const release = async (content: string) => {
    const signKey = join(outer, "key");
    const { fingerprint: signer } = await findSigner(signKey);
    return place.release(content, ["raw"], true, { signKey, signer });
  };

  async function publishTo(destination: PublicationDestination, key: string, files: string[] = []) {
    const { result } = await runStage(publish, {
      executor,
      store: place.at.store,
      call: publishCall(
        ...([key, "publish-x"] as const),
        { files, destination },
        { series: "dev-x", keep: 2 },
      ),
      ...{ marker: undefined, secrets: {}, print: () => undefined },
      signal: new AbortController().signal,
    });
    return result.version;
  }

  const verify = (folder: string) => verifyRelease(folder, join(outer, "key.pub"));
  const counted = (verdict: string) =>
    verdict.replace(/, signed by SHA256:\S+, which is trusted$/, "");
  const wrong = ({ checks, files }: Awaited<ReturnType<typeof verify>>) =>
    [...checks, ...files].filter(({ state }) => !["ok", "left out"].includes(state));

  it("succeeds for each of those that are kept", async () => {
    const folder = join(outer, "images");
    for (const content of ["first", "second"]) {
      await publishTo({ folder }, (await release(content)).key);
    }
    const versions = readdirSync(folder);
    assert.equal(versions.length, 2);
    for (const version of versions) {
      const found = await verify(join(folder, version));
      assert.deepEqual(wrong(found), []);
      assert.equal(counted(found.verdict), `verified: ${SIGNED.length} files`);
    }
    writeFileSync(join(folder, versions[0]!, "kragle.raw"), "altered");
    assert.equal((await verify(join(folder, versions[0]!))).good, false);
    rmSync(join(folder, versions[1]!, "kragle.raw"));
    assert.equal((await verify(join(folder, versions[1]!))).good, false);
  });

  it("succeeds where only some files were wanted, and says so", async () => {
    const folder = join(outer, "some");
    const version = await publishTo({ folder }, (await release("third")).key, ["kragle.raw"]);
    const found = await verify(join(folder, version));
    assert.deepEqual(wrong(found), []);
    const there = SIGNED.length - 1;
    assert.equal(counted(found.verdict), `verified: ${there} files (1 more were not published)`);
  });

  it("succeeds for the volumes of a pool, under their own names in a folder", async () => {
    const pool = fakeVirsh(outer);
    const version = await publishTo(
      { pool: "images", uri: "qemu:///system" },
      (await release("fourth")).key,
    );
    const copy = mkdtempSync(join(outer, "copy"));
    for (const volume of readdirSync(pool)) {
      copyFileSync(join(pool, volume), join(copy, volume.slice(version.length + 1)));
    }
    const found = await verify(copy);
    assert.deepEqual(wrong(found), []);
    const plain = SIGNED.filter((name) => !name.includes("/")).length;
    const left = `${SIGNED.length - plain} more were not published`;
    assert.equal(counted(found.verdict), `verified: ${plain} files (${left})`);
  });
});
