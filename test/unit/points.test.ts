import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { StageFailure } from "../../host/failure";
import { pointsOf } from "../../plan/stages/point";
import { type ImageInputs, imageOf, planned, PointStore } from "../pointStore";
import { digest } from "../samples";

describe("the points of an image", () => {
  const keys = (...given: Parameters<typeof imageOf>) =>
    pointsOf(imageOf(...given)).map(({ key }) => key);

  it("have pinned keys, and lie one on the other", () => {
    const [first, second] = pointsOf(imageOf("12"));
    assert.deepEqual(first!.description.upstream, { before: planned.base.key });
    assert.deepEqual(second!.description.upstream, { before: first!.key });
    assert.deepEqual(
      [first!.key.slice(0, 12), second!.key.slice(0, 12)],
      ["22c87c616bbd", "bd62244974e0"],
    );
  });

  it("are the same up to the step that is another one", () => {
    const [before, after] = [keys("1234"), keys("1254")];
    assert.deepEqual(
      before.map((key, index) => key === after[index]),
      [true, true, false, false],
    );
    assert.deepEqual(keys("12"), before.slice(0, 2));
    assert.equal(new Set(keys("1111")).size, 4);
  });

  it("depend on the programs, the template and what runs before the steps, and on nothing that does not change the disk", () => {
    const { scripts } = planned.image.description.inputs;
    const same = (change: Partial<ImageInputs>) => keys("1", change)[0] === keys("1")[0];
    assert.deepEqual(
      [
        same({ memoryMiB: 4096, cpus: 8 }),
        same({
          scripts: { ...scripts, "80-last.sh": digest("e"), "90-generalise.sh": digest("e") },
        }),
        same({ scripts: { ...scripts, "20-first.sh": digest("e") } }),
        same({ programs: { "image/guest.sh": digest("e") } }),
        same({ template: { "image.json": digest("e") } }),
      ],
      [true, true, false, false, false],
    );
  });
});

describe("points that a build goes on from", function () {
  this.timeout(90_000);
  let store: PointStore;
  beforeEach(async () => {
    store = new PointStore();
    await store.install();
  });
  afterEach(() => store.at.remove());

  it("are what a build goes on from: the last of those whose steps are the same", async () => {
    assert.deepEqual(await store.stepsOf("123"), []);
    await store.build("123");
    assert.deepEqual(await store.stepsOf("123"), [1, 2, 3]);
    assert.equal(statSync(store.folderOf("123", 3)).mode & 0o777, 0o700);
    assert.deepEqual(await store.stepsOf("124"), [1, 2]);
    assert.deepEqual(await store.stepsOf("423"), []);
    assert.deepEqual(await store.stepsOf("12"), [1, 2]);
    await store.build("1245");
    assert.deepEqual(store.lines, ["goes on from the point after step 2 (2.sh)"]);
    assert.deepEqual(await store.stepsOf("1245"), [1, 2, 3, 4]);
  });

  it("know what they lie on by its content, so that nothing is laid on what was made anew", async () => {
    await store.build("123");
    rmSync(store.folderOf("123", 2), { recursive: true });
    const { chain, unused } = await store.found("123");
    assert.deepEqual(
      [chain.map(({ step }) => step), unused],
      [[1], ["the point after step 3 is not used: what it lies on is not there any more"]],
    );
    const { take, end } = await store.stage("123");
    take(2, [1], "after 2, but another time");
    await end();
    assert.deepEqual(await store.stepsOf("123"), [1, 2]);
    await store.install("the base, made anew");
    assert.deepEqual(await store.stepsOf("123"), []);
  });

  it("that are damaged are not used, which is told; the one before is", async () => {
    await store.build("123");
    store.damage("123", 2);
    const { of } = await store.stage("123");
    assert.deepEqual(store.lines, [
      "the point after step 2 is not used: it is damaged (disk.qcow2 is missing or altered)",
      "the point after step 3 is not used: what it lies on is not there any more",
      "goes on from the point after step 1 (1.sh)",
    ]);
    assert.deepEqual(of.settings, { from: [{ step: 1, qemu: "7.2.22" }], until: null });
    assert.deepEqual(Object.keys(of.artifacts), ["/points/1"]);
  });

  it("are gone on from only while the secrets of their steps have the same values, of which they tell nothing", async () => {
    await store.build("1923");
    const from = async (token: string) =>
      (await store.stage("1924", { token })).of.settings?.from.length;
    assert.deepEqual([await from("a token"), await from("another")], [3, 1]);
    assert.equal(
      store.lines.at(-2),
      "the point after step 2 is not used, nor any after it: secrets that the steps until then saw have other values now",
    );
    assert.doesNotMatch(
      readFileSync(join(store.folderOf("19", 2), "manifest.json"), "utf8"),
      /a token/,
    );
    const { manifest } = await store.at.store.artifact("point", pointsOf(imageOf("19"))[1]!.key);
    assert.match(String(manifest.result.secrets), /^[\da-f]{32}:[\da-f]{64}$/);
    // a preview does not know them
    assert.deepEqual(await store.stepsOf("1924"), [1, 2, 3]);
  });

  it("are not gone on from where a step without a point of its own saw another value of a secret", async () => {
    const { take, end } = await store.stage("193");
    take(1, []);
    take(3, [1]);
    await end();
    const from = async (token: string) =>
      (await store.stage("1934", { token })).of.settings?.from.map(({ step }) => step);
    assert.deepEqual([await from("a token"), await from("another")], [[1, 3], [1]]);
  });

  it("are not gone on from where another run has replaced one since it was found", async () => {
    await store.build("12");
    const { of } = await store.stage("123");
    const other = await store.stage("12", { rebuild: true });
    other.take(1, [], "of another run");
    await other.end();
    let built = false;
    await assert.rejects(
      of.publishDuring(() => Promise.resolve(void (built = true))),
      (error: StageFailure) =>
        error.text.startsWith("the point after step 1 (1.sh) was replaced by another run") &&
        error.text.endsWith("next: run the same command again"),
    );
    assert.equal(built, false);
    const { key } = pointsOf(imageOf("12"))[0]!;
    const letGo = await store.at.place.lockStage("point", key, { noWait: true });
    await letGo();
  });

  it("are not gone on from by a rebuild, which takes new ones", async () => {
    await store.build("12");
    const before = (await store.found("12")).chain.map(({ file }) => file.sha256);
    const { of, take, end } = await store.stage("12", { rebuild: true });
    assert.deepEqual(of.settings, { from: [], until: null });
    take(1, [], "anew");
    take(2, [1], "anew too");
    await end();
    const after = (await store.found("12")).chain.map(({ file }) => file.sha256);
    assert.equal(new Set([...before, ...after]).size, 4);
  });

  it("from which no guest answered are put aside, and none are taken from that step on, until a rebuild", async () => {
    await store.build("123");
    const { of, take, work } = await store.stage("124");
    await of.publishDuring(() => {
      take(1, [], "after 1, anew");
      writeFileSync(
        join(work, "points/silent.json"),
        JSON.stringify({ steps: [2], why: "the guest powered off" }),
      );
      return Promise.resolve();
    });
    assert.equal(
      of.kept(),
      "it goes on from the point after step 1 (1.sh), unless that or an earlier step is changed",
    );
    assert.equal(store.lines.at(-1), "the point after step 2 (2.sh) is put aside");
    const why =
      "from the point after step 2 no guest answered (the guest powered off): none is taken from that step on, until up --rebuild image";
    const { chain, unused, silent } = await store.found("123");
    assert.deepEqual([chain.map(({ step }) => step), unused, silent], [[1], [why], 2]);
    assert.deepEqual((await store.stage("125")).of.settings, {
      ...{ from: [{ step: 1, qemu: "7.2.22" }], until: 2 },
    });
    assert.equal((await store.stage("135")).of.settings?.until, null);
    const anew = await store.stage("12", { rebuild: true });
    assert.deepEqual(anew.of.settings, { from: [], until: null });
    anew.take(1, []);
    anew.take(2, [1]);
    await anew.end();
    assert.deepEqual(await store.stepsOf("124"), [1, 2]);
  });
});
