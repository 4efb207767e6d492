import assert from "node:assert/strict";

import fc from "fast-check";

import { explainChange, type StageDescription, stageKey } from "../../plan/description";
import { planImage, planProof } from "../../plan/imagePlan";
import type { ImageSpec } from "../../plan/imageSpec";
import { digest, sampleFiles, sampleSha256, sampleSpec } from "../samples";

const plan = (change: Partial<ImageSpec> = {}, files = sampleFiles, epoch: string | null = null) =>
  planImage({ ...sampleSpec, ...change }, files, epoch);
const proof = (change: Partial<ImageSpec> = {}, sha256 = sampleSha256) =>
  planProof({ ...sampleSpec, ...change }, sampleFiles, sha256);

/** Each change as `name: before → after`. */
const explained = (before: { description: StageDescription }, after: typeof before) =>
  explainChange(before.description, after.description).map(
    (change) => `${change.name}: ${change.before} → ${change.after}`,
  );

describe("which input changed", () => {
  it("is none where nothing did", () => {
    assert.deepEqual(explained(plan().base, plan().base), []);
  });

  it("is named with what it was and what it is", () => {
    assert.deepEqual(explained(plan().base, plan({ kernel: "generic" }).base), [
      "kernel: cloud → generic",
    ]);
    assert.deepEqual(explained(plan().base, plan({ diskBytes: 2 ** 33 }).base), [
      "diskBytes: 4294967296 → 8589934592",
    ]);
    assert.deepEqual(explained(plan().base, plan({ snapshot: "2026-11-01" }).base), [
      "snapshot: null → 2026-11-01",
    ]);
    assert.deepEqual(explained(plan().builder, plan({ packer: "release" }).builder), [
      "packer: auto → release",
    ]);
  });

  it("is the file, with short digests", () => {
    const scripts = { ...sampleFiles.scripts, "50-1-app.sh": digest("9") };
    assert.deepEqual(explained(plan().image, plan({}, { ...sampleFiles, scripts }).image), [
      "scripts.50-1-app.sh: 666666666666 → 999999999999",
    ]);
  });

  it("is each file that came and went, in order", () => {
    const scripts = { "50-1-other.sh": digest("6"), "90-generalise.sh": digest("7") };
    assert.deepEqual(explained(plan().image, plan({}, { ...sampleFiles, scripts }).image), [
      "scripts.50-1-app.sh: 666666666666 → absent",
      "scripts.50-1-other.sh: absent → 666666666666",
    ]);
  });

  it("is the stage before it where that changed, and nothing of what that declares", () => {
    const [before, after] = [plan(), plan({ kernel: "generic" })];
    const keys = [before, after].map(({ base }) => base.key.slice(0, 12));
    assert.deepEqual(explained(before.image, after.image), [`upstream.base: ${keys.join(" → ")}`]);
    assert.deepEqual(explained(before.builder, after.builder), []);
  });

  it("is the day of a base that became too old", () => {
    const [before, after] = [
      plan({}, sampleFiles, "2026-11-01"),
      plan({}, sampleFiles, "2026-11-08"),
    ];
    assert.deepEqual(explained(before.base, after.base), ["epoch: 2026-11-01 → 2026-11-08"]);
    assert.deepEqual(explained(plan().base, after.base), ["epoch: absent → 2026-11-08"]);
  });

  it("is the image's content, for what follows it", () => {
    assert.deepEqual(explained(proof().check, proof({}, digest("b")).check), [
      "upstream.imageSha256: aaaaaaaaaaaa → bbbbbbbbbbbb",
    ]);
    assert.deepEqual(explained(proof().smoke!, proof({ cpus: 4 }).smoke!), ["cpus: 2 → 4"]);
  });

  it("is the format, for a release", () => {
    const key = proof().conversions[0]!.key.slice(0, 12);
    const formats = sampleSpec.formats.slice(1);
    assert.deepEqual(explained(proof().release, proof({ formats }).release), [
      "files.0: kragle.raw → kragle.zstd.qcow2",
      "files.1: kragle.zstd.qcow2 → absent",
      `upstream.convert raw: ${key} → absent`,
    ]);
  });

  it("is everything where a ready builder takes the place of one that is built", () => {
    assert.deepEqual(explained(plan().builder, plan({ builderImage: "x" }).builder), [
      "baseImage: debian:bookworm-slim → absent",
      "files.Dockerfile: 111111111111 → absent",
      "files.tools/run.py: 222222222222 → absent",
      "packer: auto → absent",
      "prebuilt: absent → x",
    ]);
  });

  it("is never silent about a different key", () => {
    const value = fc.oneof(
      fc.constantFrom("cloud", "generic", digest("1"), digest("2")),
      fc.integer(),
    );
    // plain names: a dot or the name of a field of the description would be another input of the same name
    const inputs = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), value);
    const description = fc.record({
      stage: fc.constantFrom("base", "image"),
      version: fc.constantFrom(1, 2),
      inputs,
      upstream: fc.dictionary(
        fc.constantFrom("builder", "base"),
        fc.constantFrom(digest("1"), digest("2")),
      ),
    });
    fc.assert(
      fc.property(description, description, (before, after) => {
        const silent = explainChange(before, after).length === 0;
        assert.equal(silent, stageKey(before) === stageKey(after));
      }),
    );
  });
});
