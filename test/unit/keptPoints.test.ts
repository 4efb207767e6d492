import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import filesystem from "node:fs/promises";
import { join } from "node:path";
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { LockHeld } from "../../host/lock";
import { point, pointsOf } from "../../plan/stages/point";
import { claimResult } from "../../run/answer";
import { collectGarbage } from "../../store/gc";
import { deletePoints } from "../../store/pointChain";
import { imageOf, planned, PointStore } from "../pointStore";
import { digest } from "../samples";
import { rootsOf } from "../stacks";

/** Tries again until it holds, or for as long as a busy machine may take. */
async function eventually(holds: () => Promise<void>): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
    const failed = await holds().then(
      () => undefined,
      (error: Error) => error,
    );
    if (!failed) return;
    if (Date.now() > deadline) throw failed;
  }
}

/** Which points come into the store, when, and how long they stay. */
describe("points that are kept", function () {
  this.timeout(90_000);
  let store: PointStore;
  beforeEach(async () => {
    store = new PointStore();
    await store.install();
  });
  afterEach(() => {
    mock.restoreAll();
    store.at.remove();
  });

  it("are kept of a build that fails later, which says where the next one goes on", async () => {
    assert.equal((await store.stage("123")).of.kept(), "the base is kept");
    const failed = await store.build("123", 2);
    assert.equal(
      failed.kept(),
      "it goes on from the point after step 2 (2.sh), unless that or an earlier step is changed",
    );
    assert.deepEqual(await store.stepsOf("124"), [1, 2]);
  });

  it("may skip a step after which none could be taken", async () => {
    const { take, end } = await store.stage("1234");
    take(1, []);
    take(3, [1]);
    await end();
    assert.deepEqual(await store.stepsOf("1234"), [1, 3]);
    assert.deepEqual(await store.stepsOf("1254"), [1]);
  });

  it("are no more than the setting allows, and none where it is off", async () => {
    const { take, end } = await store.stage("123", { points: 8192 });
    for (const step of [1, 2, 3]) take(step, [1, 2].slice(0, step - 1));
    await end();
    assert.deepEqual(await store.stepsOf("123"), [1, 2]);
    assert.deepEqual(store.lines, [
      "the point after step 3 (3.sh) and those after it are not kept: they take more than 8 KiB (setting points)",
    ]);
    const off = (await store.stage("123", { points: 0 })).of;
    assert.deepEqual([off.settings, off.artifacts], [null, {}]);
  });

  it("are none where the disk has no room for the image beside them", async () => {
    await store.build("1");
    const { take, end } = await store.stage("12");
    take(2, [1]);
    mock.method(filesystem, "statfs", () => Promise.resolve({ bavail: 2, bsize: 4096 }));
    await end();
    assert.deepEqual(await store.stepsOf("12"), [1]);
    assert.deepEqual(store.lines, [
      "goes on from the point after step 1 (1.sh)",
      "the point after step 2 (2.sh) and those after it are not kept: the store's disk has 8 KiB free, the image needs about 12 KiB",
    ]);
  });

  it("are no more than the setting allows where a build goes on from some of them", async () => {
    await store.build("12");
    const { take, end } = await store.stage("123", { points: 8192 });
    take(3, [1, 2]);
    await end();
    assert.match(store.lines.at(-1)!, /^the point after step 3 .* they take more than 8 KiB/);
    assert.deepEqual(await store.stepsOf("123"), [1, 2]);
  });

  it("are in the store as soon as they are taken, while the build goes on", async () => {
    const { of, take, work } = await store.stage("123");
    let end!: () => void;
    const published = of.publishDuring(() => new Promise<void>((resolve) => (end = resolve)));
    take(1, []);
    await eventually(async () => assert.deepEqual(await store.stepsOf("123"), [1]));
    take(2, [1]);
    await eventually(async () => assert.deepEqual(await store.stepsOf("123"), [1, 2]));
    // a guest that froze is started once more, and takes all of them again
    take(1, [], "once more");
    await eventually(async () => assert.deepEqual(await store.stepsOf("123"), [1]));
    end();
    await published;
    assert.deepEqual(store.lines, []);
    assert.equal(existsSync(join(work, "points")), false);
  });

  it("are in the store when a privileged build has ended: until then its files are root's", async () => {
    const { of, take } = await store.stage("1", { privileged: true });
    await of.publishDuring(async () => {
      take(1, []);
      await sleep(2000);
      assert.deepEqual(await store.stepsOf("1"), []);
    });
    assert.deepEqual(await store.stepsOf("1"), [1]);
  });

  it("are no part of the image where they are not kept", async () => {
    const { take, work, end } = await store.stage("1", { points: 1 });
    take(1, []);
    await end();
    assert.deepEqual(readdirSync(work), []);
  });

  it("are neither replaced nor deleted while another build goes on from them", async () => {
    await store.build("12");
    const { of } = await store.stage("123");
    let end!: () => void;
    let running!: Promise<void>;
    await new Promise<void>((begun) => {
      running = of.publishDuring(() => {
        begun();
        return new Promise<void>((resolve) => (end = resolve));
      });
    });
    const { key } = pointsOf(imageOf("12"))[1]!;
    await assert.rejects(store.at.place.lockStage("point", key, { noWait: true }), LockHeld);
    let deleted!: Promise<number>;
    await new Promise<void>((waits) => {
      deleted = deletePoints(store.at.store, imageOf("12"), { onWait: () => waits() });
    });
    assert.deepEqual(await store.stepsOf("12"), [1, 2]);
    end();
    await running;
    assert.equal(await deleted, 2);
    assert.deepEqual(await store.stepsOf("12"), []);
  });

  it("whose note is not whole or not to be believed are not kept, and no build fails for it", async () => {
    const { take, end } = await store.stage("123");
    take(1, []);
    take(2, [1]);
    const work = store.at.place.workFolder("image", digest("f"));
    rmSync(join(work, "points/1.json"));
    await end();
    assert.deepEqual(await store.stepsOf("123"), []);
    assert.match(
      store.lines.at(-1)!,
      /^the point after step 2 \(2\.sh\) and those after it are not kept: /,
    );
  });

  it("are kept by garbage collection as long as a stack uses their image", async () => {
    await store.build("123");
    await store.build("124");
    const built = await store.at.publish({ "image.qcow2": "x" }, imageOf("123"));
    const roots = rootsOf(store.at.home, "dev");
    await claimResult(roots, "image", built.manifest);
    await claimResult(roots, "base", store.base.manifest);
    await collectGarbage(store.at.store, false);
    assert.deepEqual(await store.stepsOf("123"), [1, 2, 3]);
    assert.equal(existsSync(store.folderOf("124", 3)), false);
    await collectGarbage(store.at.store, false, true);
    assert.deepEqual(await store.at.store.manifests(point.stage), []);
    assert.ok(existsSync(built.folder));
    await store.build("123");
    await roots.dropAll();
    await collectGarbage(store.at.store, false);
    assert.deepEqual(await store.at.store.manifests(point.stage), []);
  });

  it("are kept by garbage collection of a build that failed, until another one fails or the image is there", async () => {
    const roots = rootsOf(store.at.home, "dev");
    const { publishedAt } = store.base.manifest;
    await roots.set("base", { stage: "base", key: planned.base.key, publishedAt });
    const collect = () => collectGarbage(store.at.store, false);
    await store.build("123", 2);
    await collect();
    assert.deepEqual(await store.stepsOf("124"), [1, 2]);
    await store.build("153", 2);
    await collect();
    assert.deepEqual([await store.stepsOf("124"), await store.stepsOf("153")], [[1], [1, 2]]);
    const built = await store.at.publish({ "image.qcow2": "x" }, imageOf("1"));
    await claimResult(roots, "image", built.manifest);
    await collect();
    assert.deepEqual(await store.stepsOf("153"), [1]);
    await store.build("62", 1);
    await roots.dropAll();
    await collect();
    assert.deepEqual(await store.at.store.manifests(point.stage), []);
  });

  it("are kept of a build that goes on from another stack's and fails in its first step", async () => {
    await store.build("12");
    await rootsOf(store.at.home, "dev").dropAll();
    await store.install();
    await store.build("12", 2);
    await collectGarbage(store.at.store, false);
    assert.deepEqual((await store.at.store.manifests(point.stage)).length, 2);
  });
});
