import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import { ArtifactUnavailable } from "../../store/artifactStore";
import { FakeStage } from "../fakeStage";
import { SharedStore } from "../sharedStore";
import { TemporaryStore } from "../temporaryStore";
import { rootsOf } from "../stacks";

describe("a store behind this machine's", () => {
  let near: TemporaryStore;
  let far: TemporaryStore;
  let shared: SharedStore;
  let stage: FakeStage;
  beforeEach(() => {
    near = new TemporaryStore();
    far = new TemporaryStore();
    shared = new SharedStore(near.store, far.store);
    stage = new FakeStage(near, shared);
  });
  afterEach(() => {
    near.remove();
    far.remove();
  });

  const key = () => stageKey(near.describe());
  const here = () => existsSync(near.store.folder("image", key()));

  it("answers for a stage that another machine has run, without its files", async () => {
    const { manifest } = await far.publish();
    const answer = await stage.start();
    assert.equal(stage.runs, 0);
    assert.equal(answer.publishedAt, manifest.publishedAt);
    assert.equal((await rootsOf(near.home, "dev").list()).get("image")!.key, key());
    assert.deepEqual([shared.moved, here()], [[], false]);
  });

  it("brings the files when a stage reads them, once", async () => {
    const { manifest } = await far.publish();
    stage.during = async ({ store }) => {
      for (let i = 0; i < 2; i++) {
        const { folder } = await store.artifact("image", key());
        assert.equal(readFileSync(join(folder, "image.qcow2"), "utf8"), "an image");
      }
    };
    await stage.start({ variant: "another" });
    assert.deepEqual(shared.moved, ["fetch image", "send image"]);
    assert.equal(
      (await near.store.artifact("image", key())).manifest.publishedAt,
      manifest.publishedAt,
    );
  });

  it("receives what a stage of this machine has made", async () => {
    const answer = await stage.start();
    assert.deepEqual([stage.runs, shared.moved], [1, ["send image"]]);
    rmSync(near.store.folder("image", key()), { recursive: true });
    assert.equal((await stage.start()).publishedAt, answer.publishedAt);
    assert.equal(stage.runs, 1);
  });

  it("cannot help with what neither has", async () => {
    await assert.rejects(shared.artifact("image", key()), ArtifactUnavailable);
    assert.deepEqual(await shared.lookup("image", key()), { state: "missing" });
  });
});
