import assert from "node:assert/strict";
import { rmSync, statSync, writeFileSync } from "node:fs";

import { verifyRelease } from "../../release/verify/release";
import { BUILDER_ID, LAID_OUT, LISTED, type ReleaseExtras, ReleasePlace } from "../releasePlace";
import { IMAGE_IDENTITY } from "../sampleCalls";
import { sha256 } from "../sha256";

describe("the release stage", () => {
  let place: ReleasePlace;
  beforeEach(async () => {
    place = new ReleasePlace();
    await place.open();
  });
  afterEach(() => place.close());

  it("lays image, conversions and evidence out, with their digests", async () => {
    const answer = await place.release("an image");
    assert.deepEqual(place.names(), LAID_OUT);
    assert.equal(place.read("packer-kragle-qcow2"), "an image");
    assert.equal(place.read("kragle.raw"), "an image as raw");
    const digests = LISTED.map((name): [string, string] => [name, sha256(place.read(name))]);
    assert.equal(
      place.read("SHA256SUMS"),
      digests.map(([name, digest]) => `${digest} *${name}\n`).join(""),
    );
    const described = digests.filter(([name]) => name !== "manifest.json");
    const { releasedAt, ...facts } = answer.result as { releasedAt: string };
    assert.ok(Math.abs(Date.now() - Date.parse(releasedAt)) < 600_000);
    assert.deepEqual(facts, {
      imagePath: place.inOutput("packer-kragle-qcow2"),
      imageSha256: sha256("an image"),
      imageBytes: 8,
      imageVirtualBytes: 4_294_967_296,
      conversions: {
        raw: { path: place.inOutput("kragle.raw"), sha256: sha256("an image as raw"), bytes: 15 },
      },
      smoke: { passed: true, driver: "qemu", seconds: { login: 38.2 } },
      accelerator: "tcg",
      builderImageId: BUILDER_ID,
      manifestPath: place.inOutput("manifest.json"),
      reportPath: place.inOutput("report.html"),
      key: answer.key,
      signer: null,
      packages: 1,
      tools: {
        ...{ image: "image.qcow2", packages: 1, packer: "1.6.6", qemu: "7.2.22", removed: 1 },
        accelerator: "tcg",
      },
      ...IMAGE_IDENTITY,
      files: Object.fromEntries(described),
      sizes: Object.fromEntries(
        described.map(([name]) => [name, statSync(place.inOutput(name)).size]),
      ),
    });
    assert.deepEqual(JSON.parse(place.read("manifest.json")), answer.result);
  });

  it("gives copies that can be written without touching the store", async () => {
    await place.release("an image");
    const image = place.inOutput("packer-kragle-qcow2");
    assert.deepEqual([statSync(image).mode & 0o777, statSync(image).nlink], [0o644, 1]);
    writeFileSync(image, "scribbled over");
    const { files: records, key } = (await place.at.store.manifests("image"))[0]!;
    assert.equal(place.read("packer-kragle-qcow2"), "scribbled over");
    assert.equal((await place.at.store.lookup("image", key)).state, "present");
    assert.ok(records.length > 0);
  });

  it("is done again where a released file was altered or deleted", async () => {
    const first = await place.release("an image");
    assert.deepEqual(await place.release("an image"), first);
    for (const damage of [
      () => writeFileSync(place.inOutput("kragle.raw"), "x"),
      () => rmSync(place.inOutput("SHA256SUMS")),
      () => rmSync(place.output, { recursive: true }),
    ]) {
      damage();
      await place.release("an image");
      assert.deepEqual(place.names(), LAID_OUT);
      assert.equal(place.read("kragle.raw"), "an image as raw");
    }
  });

  it("goes by the names of the settings, and leaves none of earlier ones", async () => {
    const formats = ["raw", "raw.zst"];
    await place.release("an image", formats);
    assert.equal(place.read("kragle.raw.bmap"), "<bmap/>");
    const { result } = await place.release("an image", formats, true, { imageName: "web.qcow2" });
    const images = ["web.qcow2", "web.raw", "web.raw.bmap", "web.raw.zst"];
    const names = place.names().filter((name) => /web|kragle/.test(name));
    assert.deepEqual(names, images);
    assert.equal(place.read("web.qcow2"), "an image");
    assert.equal(place.read("web.raw"), "an image as raw");
    assert.equal(result.imagePath, place.inOutput("web.qcow2"));
    assert.deepEqual(
      Object.values(result.conversions as Record<string, { path: string }>).map(({ path }) => path),
      ["web.raw", "web.raw.zst"].map((name) => place.inOutput(name)),
    );
    const { subject } = JSON.parse(place.read("provenance.json")) as {
      subject: { name: string }[];
    };
    assert.deepEqual(subject.map(({ name }) => name).sort(), images);
    const { checks, files } = await verifyRelease(place.output, undefined);
    const failed = [...checks, ...files].filter(({ state }) => !["ok", "warning"].includes(state));
    assert.deepEqual(failed, []);
  });

  it("names the builder in which the image was made, whichever one there is now", async () => {
    const other = `sha256:${sha256("another builder")}`;
    place.builderOf = (stage) => (stage === "convert" ? other : BUILDER_ID);
    const { result } = await place.release("an image", ["raw"]);
    assert.equal(result.builderImageId, BUILDER_ID);
    assert.equal(JSON.parse(place.read("manifest.json")).builderImageId, BUILDER_ID);
    const { predicate } = JSON.parse(place.read("provenance.json"));
    const builders = predicate.buildDefinition.resolvedDependencies
      .filter(({ name }: { name: string }) => name === "builder image")
      .map((one: { digest: object; annotations: object }) => [one.digest, one.annotations]);
    const id = (text: string) => ({ sha256: text.replace("sha256:", "") });
    assert.deepEqual(builders, [
      [id(BUILDER_ID), { stages: ["image", "check", "smoke"] }],
      [id(other), { stages: ["convert-raw"] }],
    ]);
    assert.equal(predicate.runDetails.builder.version.kragle, "0.0.9");
  });

  it("says so where nobody noted the builder", async () => {
    place.builderOf = () => undefined;
    const { result } = await place.release("an image");
    assert.equal(result.builderImageId, "unknown");
  });

  it("says openly that nothing was booted", async () => {
    const { result } = await place.release("an image", [], false);
    assert.deepEqual(result.smoke, { passed: false, driver: "none", seconds: {} });
  });

  it("tells the seconds of every boot of a full proof", async () => {
    const seconds = { kernel: 2.1, login: 38.2 };
    const facts = { complaints: [], screenshot: "login.png" };
    const boots: ReleaseExtras["boots"] = {
      first: { ...facts, firmware: "uefi", seconds, serialLog: "serial.log" },
      second: {
        ...{ ...facts, firmware: "bios", seconds: { login: 30 } },
        serialLog: "second-serial.log",
      },
    };
    const { result } = await place.release("an image", [], true, { boots });
    assert.deepEqual(result.smoke, {
      ...{ passed: true, driver: "qemu", seconds },
      boots: { first: seconds, second: { login: 30 } },
    });
  });
});
