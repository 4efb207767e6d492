import assert from "node:assert/strict";

import { identityNotes } from "../../preview/identityNotes";
import { identityOf, imageIdentity, imageIdOf } from "../../plan/imageIdentity";
import { IMAGE_RESULT } from "../sampleCalls";
import { digest } from "../samples";

const NOW = new Date("2026-11-29T08:31:05.999Z");

describe("what an image says it is", () => {
  it("has the time of its build for a version where the settings give none", () => {
    assert.deepEqual(identityOf({ imageId: "web", version: null }, digest("a"), NOW), {
      imageId: "web",
      imageVersion: "20261129.083105",
      buildId: "20261129.083105.aaaaaaaaaaaa",
    });
  });

  it("has the version of the settings, and a build that another of the same key does not have", () => {
    const named = { imageId: "web", version: "1.4" };
    const first = identityOf(named, digest("a"), NOW);
    const second = identityOf(named, digest("a"), new Date(NOW.getTime() + 1000));
    assert.equal(first.imageVersion, "1.4");
    assert.equal(second.imageVersion, "1.4");
    assert.notEqual(first.buildId, second.buildId);
  });

  for (const [stack, id] of [
    ["dev", "dev"],
    ["Web_Prod.eu-1", "web_prod.eu-1"],
    ["-.dev", "dev"],
    ["---", "image"],
    ["A".repeat(100), "a".repeat(64)],
  ] as const) {
    it(`is named by its stack in os-release's letters: ${stack.slice(0, 20)}`, () => {
      assert.equal(imageIdOf(stack), id);
      assert.ok(imageIdentity.shape.imageId.safeParse(id).success);
    });
  }

  it("is told where the settings say otherwise, and only what they say", () => {
    const built = { result: IMAGE_RESULT };
    assert.deepEqual(identityNotes({ imageId: null, version: null }, built), []);
    assert.deepEqual(identityNotes({ imageId: "dev", version: "1.4" }, built), []);
    assert.deepEqual(identityNotes({ imageId: null, version: "1.5" }, built), [
      "version: the image stays 1.4, since a name alone builds none; the next one that is built is 1.5 (at once: up --rebuild image)",
    ]);
    assert.equal(identityNotes({ imageId: "web", version: "1.5" }, built).length, 2);
    assert.deepEqual(identityNotes({ imageId: "web", version: "1.5" }, undefined), []);
  });
});
