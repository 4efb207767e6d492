import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { LockHeld } from "../../host/lock";
import { planImage } from "../../plan/imagePlan";
import { plan, type InputsOf } from "../../plan/stages/contract";
import { image } from "../../plan/stages/image";
import { point, pointsOf } from "../../plan/stages/point";
import type { StageContext } from "../../run/stage";
import { claimResult } from "../../run/answer";
import { Points } from "../../stages/image/points";
import type { Artifact } from "../../store/artifactStore";
import { collectGarbage } from "../../store/gc";
import { deletePoints, findPoints } from "../../store/pointChain";
import { digest, sampleFiles, sampleSpec } from "../samples";
import { ownerOf, rootsOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";

type Inputs = InputsOf<typeof image>;

const planned = planImage(sampleSpec, sampleFiles, null);
const script = (text: string): Inputs["steps"][number] => ({
  ...{ kind: "script", script: digest(text), args: [], variables: {} },
  secrets: text === "9" ? ["TOKEN"] : [],
});

/** An image of these steps. */
const imageOf = (steps: string, change: Partial<Inputs> = {}) =>
  plan(
    image,
    { ...planned.image.description.inputs, steps: [...steps].map(script), ...change },
    planned.image.description.upstream,
  ).description;

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
    const same = (change: Partial<Inputs>) => keys("1", change)[0] === keys("1")[0];
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

describe("points in the store", function () {
  this.timeout(90_000);
  let at: TemporaryStore;
  let installed: Artifact;
  let lines: string[];
  beforeEach(async () => {
    at = new TemporaryStore();
    lines = [];
    installed = await at.publish({ "disk.qcow2": "the base" }, planned.base.description);
  });
  afterEach(() => at.remove());

  const found = (steps: string) => findPoints(at.store, imageOf(steps), installed.manifest);
  const stepsOf = async (steps: string) => (await found(steps)).chain.map(({ step }) => step);

  /** What the stage of an image has, as far as its points are concerned. */
  function stage(
    steps: string,
    { points = 2 ** 30, rebuild = false, privileged = false, token = "a token" } = {},
  ) {
    const { inputs, upstream } = imageOf(steps);
    const work = at.place.workFolder("image", digest("f"));
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, "points"), { recursive: true });
    const titles = [...steps].map((name) => ({ title: `${name}.sh` }));
    const context = {
      ...{ inputs, upstream, work, store: at.store, rebuild, owner: ownerOf(at.home, "dev") },
      ...{ key: plan(image, inputs, upstream).key, secrets: { step_TOKEN: token } },
      request: { points, steps: titles, privileged },
      detail: (line: string) => lines.push(line),
    } as unknown as StageContext<typeof image>;
    return Points.of(context, installed).then((of) => ({
      ...{ of, work },
      /** As build_image.py does. */
      take(step: number, below: readonly number[], content = `after ${step} of ${steps}`) {
        writeFileSync(join(work, `points/${step}.qcow2`), content);
        writeFileSync(
          join(work, `points/${step}.json`),
          JSON.stringify({ below, qemu: "7.2.22", seconds: 2 }),
        );
      },
    }));
  }

  /** Builds an image of these steps, each of which takes a point, from the last one that there is. */
  async function build(steps: string, until = steps.length) {
    const { of, take } = await stage(steps);
    const below = (of.settings?.from ?? []).map(({ step }) => step);
    for (let step = (below.at(-1) ?? 0) + 1; step <= until; step++) {
      take(step, below);
      below.push(step);
    }
    await of.publishDuring(() => Promise.resolve());
    return of;
  }

  const pointFolder = (steps: string, step: number) =>
    join(at.home, "store", `point-${pointsOf(imageOf(steps))[step - 1]!.key}`);

  /** Makes a file of a point another one, as no program of kragle's ever does. */
  function damage(steps: string, step: number) {
    const file = join(pointFolder(steps, step), "disk.qcow2");
    chmodSync(file, 0o644);
    truncateSync(file, 3);
  }

  it("are what a build goes on from: the last of those whose steps are the same", async () => {
    assert.deepEqual(await stepsOf("123"), []);
    await build("123");
    assert.deepEqual(await stepsOf("123"), [1, 2, 3]);
    assert.equal(statSync(pointFolder("123", 3)).mode & 0o777, 0o700);
    assert.deepEqual(await stepsOf("124"), [1, 2]);
    assert.deepEqual(await stepsOf("423"), []);
    assert.deepEqual(await stepsOf("12"), [1, 2]);
    await build("1245");
    assert.deepEqual(lines, ["goes on from the point after step 2 (2.sh)"]);
    assert.deepEqual(await stepsOf("1245"), [1, 2, 3, 4]);
  });

  it("know what they lie on by its content, so that nothing is laid on what was made anew", async () => {
    await build("123");
    rmSync(pointFolder("123", 2), { recursive: true });
    const { chain, unused } = await found("123");
    assert.deepEqual(
      [chain.map(({ step }) => step), unused],
      [[1], ["the point after step 3 is not used: what it lies on is not there any more"]],
    );
    const { of, take } = await stage("123");
    take(2, [1], "after 2, but another time");
    await of.publishDuring(() => Promise.resolve());
    assert.deepEqual(await stepsOf("123"), [1, 2]);
    installed = await at.publish({ "disk.qcow2": "the base, made anew" }, planned.base.description);
    assert.deepEqual(await stepsOf("123"), []);
  });

  it("that are damaged are not used, which is told; the one before is", async () => {
    await build("123");
    damage("123", 2);
    const { of } = await stage("123");
    assert.deepEqual(lines, [
      "the point after step 2 is not used: it is damaged (disk.qcow2 is missing or altered)",
      "the point after step 3 is not used: what it lies on is not there any more",
      "goes on from the point after step 1 (1.sh)",
    ]);
    assert.deepEqual(of.settings, { from: [{ step: 1, qemu: "7.2.22" }], until: null });
    assert.deepEqual(Object.keys(of.artifacts), ["/points/1"]);
  });

  it("are kept of a build that fails later, which says where the next one goes on", async () => {
    assert.equal((await stage("123")).of.kept(), "the base is kept");
    const failed = await build("123", 2);
    assert.equal(
      failed.kept(),
      "it goes on from the point after step 2 (2.sh), unless that or an earlier step is changed",
    );
    assert.deepEqual(await stepsOf("124"), [1, 2]);
  });

  it("may skip a step after which none could be taken", async () => {
    const { of, take } = await stage("1234");
    take(1, []);
    take(3, [1]);
    await of.publishDuring(() => Promise.resolve());
    assert.deepEqual(await stepsOf("1234"), [1, 3]);
    assert.deepEqual(await stepsOf("1254"), [1]);
  });

  it("are no more than the setting allows, and none where it is off", async () => {
    const { of, take } = await stage("123", { points: 8192 });
    for (const step of [1, 2, 3]) take(step, [1, 2].slice(0, step - 1));
    await of.publishDuring(() => Promise.resolve());
    assert.deepEqual(await stepsOf("123"), [1, 2]);
    assert.deepEqual(lines, [
      "the point after step 3 (3.sh) and those after it are not kept: they take more than 8 KiB (setting points)",
    ]);
    const off = (await stage("123", { points: 0 })).of;
    assert.deepEqual([off.settings, off.artifacts], [null, {}]);
  });

  it("are no more than the setting allows where a build goes on from some of them", async () => {
    await build("12");
    const { of, take } = await stage("123", { points: 8192 });
    take(3, [1, 2]);
    await of.publishDuring(() => Promise.resolve());
    assert.match(lines.at(-1)!, /^the point after step 3 .* they take more than 8 KiB/);
    assert.deepEqual(await stepsOf("123"), [1, 2]);
  });

  it("are in the store as soon as they are taken, while the build goes on", async () => {
    const { of, take, work } = await stage("123");
    let end!: () => void;
    const published = of.publishDuring(() => new Promise<void>((resolve) => (end = resolve)));
    take(1, []);
    await eventually(async () => assert.deepEqual(await stepsOf("123"), [1]));
    take(2, [1]);
    await eventually(async () => assert.deepEqual(await stepsOf("123"), [1, 2]));
    // a guest that froze is started once more, and takes all of them again
    take(1, [], "once more");
    await eventually(async () => assert.deepEqual(await stepsOf("123"), [1]));
    end();
    await published;
    assert.deepEqual(lines, []);
    assert.equal(existsSync(join(work, "points")), false);
  });

  it("are in the store when a privileged build has ended: until then its files are root's", async () => {
    const { of, take } = await stage("1", { privileged: true });
    await of.publishDuring(async () => {
      take(1, []);
      await sleep(2000);
      assert.deepEqual(await stepsOf("1"), []);
    });
    assert.deepEqual(await stepsOf("1"), [1]);
  });

  it("are gone on from only while the secrets of their steps have the same values, of which they tell nothing", async () => {
    await build("1923");
    const from = async (token: string) => (await stage("1924", { token })).of.settings?.from.length;
    assert.deepEqual([await from("a token"), await from("another")], [3, 1]);
    assert.equal(
      lines.at(-2),
      "the point after step 2 is not used, nor any after it: secrets that the step saw have other values now",
    );
    assert.doesNotMatch(
      readFileSync(join(pointFolder("19", 2), "manifest.json"), "utf8"),
      /a token/,
    );
    const { manifest } = await at.store.artifact("point", pointsOf(imageOf("19"))[1]!.key);
    assert.match(String(manifest.result.secrets), /^[\da-f]{32}:[\da-f]{64}$/);
    // a preview does not know them
    assert.deepEqual(await stepsOf("1924"), [1, 2, 3]);
  });

  it("are no part of the image where they are not kept", async () => {
    const { of, take, work } = await stage("1", { points: 1 });
    take(1, []);
    await of.publishDuring(() => Promise.resolve());
    assert.deepEqual(readdirSync(work), []);
  });

  it("are not gone on from by a rebuild, which takes new ones", async () => {
    await build("12");
    const before = (await found("12")).chain.map(({ file }) => file.sha256);
    const { of, take } = await stage("12", { rebuild: true });
    assert.deepEqual(of.settings, { from: [], until: null });
    take(1, [], "anew");
    take(2, [1], "anew too");
    await of.publishDuring(() => Promise.resolve());
    const after = (await found("12")).chain.map(({ file }) => file.sha256);
    assert.equal(new Set([...before, ...after]).size, 4);
  });

  it("from which no guest answered are put aside, and none are taken from that step on, until a rebuild", async () => {
    await build("123");
    const { of, take, work } = await stage("124");
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
    assert.equal(lines.at(-1), "the point after step 2 (2.sh) is put aside");
    const why =
      "from the point after step 2 no guest answered (the guest powered off): none is taken from that step on, until up --rebuild image";
    const { chain, unused, silent } = await found("123");
    assert.deepEqual([chain.map(({ step }) => step), unused, silent], [[1], [why], 2]);
    assert.deepEqual((await stage("125")).of.settings, {
      ...{ from: [{ step: 1, qemu: "7.2.22" }], until: 2 },
    });
    assert.equal((await stage("135")).of.settings?.until, null);
    const anew = await stage("12", { rebuild: true });
    assert.deepEqual(anew.of.settings, { from: [], until: null });
    anew.take(1, []);
    anew.take(2, [1]);
    await anew.of.publishDuring(() => Promise.resolve());
    assert.deepEqual(await stepsOf("124"), [1, 2]);
  });

  it("are neither replaced nor deleted while another build goes on from them", async () => {
    await build("12");
    const { of } = await stage("123");
    let end!: () => void;
    let running!: Promise<void>;
    await new Promise<void>((begun) => {
      running = of.publishDuring(() => {
        begun();
        return new Promise<void>((resolve) => (end = resolve));
      });
    });
    const { key } = pointsOf(imageOf("12"))[1]!;
    await assert.rejects(at.place.lockStage("point", key, { noWait: true }), LockHeld);
    let deleted!: Promise<number>;
    await new Promise<void>((waits) => {
      deleted = deletePoints(at.store, imageOf("12"), { onWait: () => waits() });
    });
    assert.deepEqual(await stepsOf("12"), [1, 2]);
    end();
    await running;
    assert.equal(await deleted, 2);
    assert.deepEqual(await stepsOf("12"), []);
  });

  it("whose note is not whole or not to be believed are not kept, and no build fails for it", async () => {
    const { of, take } = await stage("123");
    take(1, []);
    take(2, [1]);
    const work = at.place.workFolder("image", digest("f"));
    rmSync(join(work, "points/1.json"));
    await of.publishDuring(() => Promise.resolve());
    assert.deepEqual(await stepsOf("123"), []);
    assert.match(
      lines.at(-1)!,
      /^the point after step 2 \(2\.sh\) and those after it are not kept: /,
    );
  });

  it("are kept by garbage collection as long as a stack uses their image", async () => {
    await build("123");
    await build("124");
    const built = await at.publish({ "image.qcow2": "x" }, imageOf("123"));
    const roots = rootsOf(at.home, "dev");
    await claimResult(roots, "image", built.manifest);
    await claimResult(roots, "base", installed.manifest);
    await collectGarbage(at.store, false);
    assert.deepEqual(await stepsOf("123"), [1, 2, 3]);
    assert.equal(existsSync(pointFolder("124", 3)), false);
    await roots.dropAll();
    await collectGarbage(at.store, false);
    assert.deepEqual(await at.store.manifests(point.stage), []);
  });

  it("are kept by garbage collection of a build that failed, until another one fails or the image is there", async () => {
    const roots = rootsOf(at.home, "dev");
    const { publishedAt } = installed.manifest;
    await roots.set("base", { stage: "base", key: planned.base.key, publishedAt });
    const collect = () => collectGarbage(at.store, false);
    await build("123", 2);
    await collect();
    assert.deepEqual(await stepsOf("124"), [1, 2]);
    await build("153", 2);
    await collect();
    assert.deepEqual([await stepsOf("124"), await stepsOf("153")], [[1], [1, 2]]);
    const built = await at.publish({ "image.qcow2": "x" }, imageOf("1"));
    await claimResult(roots, "image", built.manifest);
    await collect();
    assert.deepEqual(await stepsOf("153"), [1]);
    await build("62", 1);
    await roots.dropAll();
    await collect();
    assert.deepEqual(await at.store.manifests(point.stage), []);
  });

  it("are kept of a build that goes on from another stack's and fails in its first step", async () => {
    await build("12");
    await rootsOf(at.home, "dev").dropAll();
    installed = await at.publish({ "disk.qcow2": "the base" }, planned.base.description);
    await build("12", 2);
    await collectGarbage(at.store, false);
    assert.deepEqual((await at.store.manifests(point.stage)).length, 2);
  });
});
