import assert from "node:assert/strict";
import { chmodSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { mock } from "node:test";

import { planLines } from "../../preview/planLines";
import type { PlanRow } from "../../preview/planRow";
import { planRows, totalSeconds } from "../../preview/planReport";
import { findTemplate } from "../../settings/template";
import { type StageDescription, stageKey } from "../../plan/description";
import type { PlannedStage } from "../../plan/imagePlan";
import type { ImageSpec } from "../../plan/imageSpec";
import { claimBuilder } from "../../run/claimBuilder";
import { writeStackRecord } from "../../store/stackRecord";
import { devSpec, ObservedStack } from "../observedStack";
import { digest } from "../samples";
import { named, ownerOf, rootsOf } from "../stacks";

const AFTER = ["check", "convert-raw", "smoke", "release"];

/** A planned stage as it would be with another description. */
function replan({ description }: PlannedStage, change: Partial<StageDescription>): PlannedStage {
  const changed = { ...description, ...change };
  return { description: changed, key: stageKey(changed) };
}

describe("what the plan finds in the store", () => {
  let stack: ObservedStack;
  beforeEach(() => (stack = new ObservedStack()));
  afterEach(() => stack.remove());

  it("is nothing at first, and what follows the image cannot be told yet", async () => {
    const reference = (await stack.stackPlan()).builder.reference;
    assert.match(reference, /^kragle-tools:[0-9a-f]{12}$/);
    assert.deepEqual(await stack.rows(), {
      builder: `will run | Docker has no image ${reference}`,
      base: "will run | never built in this store",
      image: "will run | never built in this store",
      ...Object.fromEntries(AFTER.map((stage) => [stage, "runs after image"])),
    });
    assert.match((await stack.markerOf("base"))!, new RegExp(`^absent:${stack.at.store.id}:\\d+$`));
    assert.deepEqual(planLines(planRows(await stack.stackPlan())), [
      "builder      will run",
      `               Docker has no image ${reference}`,
      "base         will run",
      "               never built in this store",
      "image        will run",
      "               never built in this store",
      ...AFTER.map((stage) => `${stage.padEnd(11)}  runs after image`),
      "total        not known, since none of this has run here before",
    ]);
  });

  it("is what any stack has built", async () => {
    const { plan: image } = await stack.plan();
    await stack.publish(image.base, null);
    await stack.publish(image.image, null);
    const found = await stack.rows();
    assert.deepEqual([found.base, found.image], ["from store", "from store"]);
    for (const stage of AFTER) assert.equal(found[stage], "will run | never built in this store");
    // the stage has to run, to find it and to keep it for this stack
    const marker = await stack.markerOf("base");
    assert.match(marker!, /^unheld:\d+$/);
    assert.equal(await stack.markerOf("base"), marker);
  });

  it("misses a root, each time that it is lost, and says that nothing is built for it", async () => {
    const { plan: image } = await stack.plan();
    const why = "from store | its root is gone; up sets it again, and builds nothing for that";
    const markers = new Set<string | undefined>();
    await stack.publish(image.image, "image");
    const losses: (() => unknown)[] = [
      () => rootsOf(stack.at.home, "dev").drop("base"),
      () => rmSync(join(stack.at.home, "roots"), { recursive: true }),
      () => rmSync(join(stack.at.home, "roots"), { recursive: true }),
    ];
    for (const lose of losses) {
      await stack.publish(image.base, "base");
      assert.deepEqual(
        [(await stack.rows()).base, await stack.markerOf("base")],
        ["unchanged", undefined],
      );
      await writeStackRecord(stack.at.home, ownerOf(stack.at.home, "dev"), {
        ...{ engine: "embedded", outputs: {}, finishedAt: "2026-11-01T00:00:00Z" },
      });
      await lose();
      assert.equal((await stack.rows()).base, why);
      markers.add(await stack.markerOf("base"));
    }
    assert.equal(markers.size, 3);
  });

  it("is everything after a whole run", async () => {
    const first = await stack.plan();
    await stack.publish(first.plan.base, "base");
    await stack.publish(first.plan.image, "image");
    const { check, conversions, smoke, release } = (await stack.plan()).proof!;
    await stack.publish(check, "check");
    await stack.publish(conversions[0]!, "convert-raw");
    await stack.publish(smoke!, "smoke");
    await stack.publish(release, "release");
    const { builder: _, ...found } = await stack.rows();
    assert.deepEqual(new Set(Object.values(found)), new Set(["unchanged"]));
    // a new format needs no image
    const more = [
      ...devSpec.formats,
      { format: "vdi", options: {}, fileName: "k.vdi", name: "vdi" },
    ];
    const changed = await stack.rows({ formats: more });
    assert.deepEqual(
      Object.entries(changed).filter(([stage, row]) => stage !== "builder" && row !== "unchanged"),
      [
        ["convert-vdi", "will run | never built in this store"],
        ["release", "will run | convert-vdi is new"],
      ],
    );
  });

  it("names a touched program of check, which costs check and release and nothing else", async () => {
    const { plan: now, proof: none } = await stack.plan();
    assert.equal(none, undefined);
    await stack.publish(now.base, "base");
    await stack.publish(now.image, "image");
    // what the stack used before somebody added a comment
    const name = "check/inspect_image.py";
    const { check, conversions, smoke, release } = (await stack.plan()).proof!;
    const before = replan(check, {
      inputs: {
        ...check.description.inputs,
        programs: { ...check.description.inputs.programs, [name]: digest("1") },
      },
    });
    await stack.publish(before, "check");
    await stack.publish(conversions[0]!, "convert-raw");
    await stack.publish(smoke!, "smoke");
    const upstream = { ...release.description.upstream, check: before.key };
    await stack.publish(replan(release, { upstream }), "release");

    const { builder: _, ...found } = await stack.rows();
    const after = check.description.inputs.programs[name]!.slice(0, 12);
    const short = (key: string) => key.slice(0, 12);
    assert.deepEqual(found, {
      ...{ base: "unchanged", image: "unchanged", "convert-raw": "unchanged", smoke: "unchanged" },
      check: `will run | builder/stages/check/inspect_image.py: 111111111111 → ${after}+x`,
      release: `will run | check changed: key ${short(before.key)} → ${short(check.key)}`,
    });
  });

  it("names the input that changed, and expects the time of before", async () => {
    await stack.publish((await stack.plan()).plan.base, "base");
    const base = planRows(await stack.stackPlan({ kernel: "generic" })).find(
      ({ stage }) => stage === "base",
    );
    assert.deepEqual(base, {
      stage: "base",
      status: "will run",
      reasons: ["kernel: cloud → generic"],
      changes: [{ input: "kernel", before: "cloud", after: "generic" }],
      after: ["builder"],
      expectedSeconds: 1.5,
    });
  });

  it("still names it when the artifact is gone, as long as the stack has the root", async () => {
    const { folder } = await stack.publish((await stack.plan()).plan.base, "base");
    rmSync(folder, { recursive: true });
    assert.equal(
      (await stack.rows({ kernel: "generic" })).base,
      "will run | kernel: cloud → generic",
    );
  });

  it("names what changed in the builder, whose images are Docker's", async () => {
    const { builder } = (await stack.plan({ packer: "distribution" })).plan;
    const request = { reference: "debian", builder: builder.description };
    await claimBuilder(rootsOf(stack.at.home, "dev"), {
      ...named("dev"),
      root: "builder",
      ...request,
    });
    const found = await stack.rows({ packer: "release" });
    assert.match(
      found.builder!,
      /^will run \| Docker has no image kragle-tools:[0-9a-f]{12} \| packer: distribution → release$/,
    );
    assert.match((await stack.rows({ packer: "distribution" })).builder!, / any more$/);
  });

  it("expects the time of this stack's last run, else that of the newest of any, and adds up", async () => {
    const times = async (change: Partial<ImageSpec> = {}) => {
      const list = planRows(await stack.stackPlan(change));
      const { builder, ...rest } = Object.fromEntries(
        list.map(({ stage, expectedSeconds }) => [stage, expectedSeconds]),
      );
      return { builder, ...rest, total: totalSeconds(list) };
    };
    const first = await stack.plan();
    const likeImage = { ...first.plan.image.description, upstream: { base: "another" } };
    const { manifest } = await stack.at.publish({ "image.qcow2": "like" }, likeImage);
    const upstream = { imageSha256: manifest.files[0]!.sha256 };
    const likeRaw = { ...first.history.get("convert-raw")!.description, upstream };
    // of an image that nothing is known of
    await stack.at.publish(
      { file: "x" },
      { ...first.history.get("check")!.description, upstream: { imageSha256: "x" } },
    );
    await stack.at.publish({ file: "x" }, likeRaw);
    await stack.at.publish({ file: "x" }, { ...likeRaw, inputs: { format: "vdi", options: {} } });
    await stack.publish(first.plan.base, "base");
    await writeStackRecord(stack.at.home, ownerOf(stack.at.home, "dev"), {
      ...{ engine: "embedded", outputs: {}, finishedAt: "2026-11-01T00:00:00Z" },
      seconds: { builder: 20, image: 50, smoke: 40, release: 8, base: 99 },
    });
    const expected = { builder: 20, base: 1.5, image: 50, check: undefined, smoke: 40, release: 8 };
    assert.deepEqual(await times({ kernel: "generic" }), {
      ...expected,
      "convert-raw": 1.5,
      // the proofs run side by side
      total: 20 + 1.5 + 50 + 40 + 8,
    });
    const lines = planLines(planRows(await stack.stackPlan({ kernel: "generic" })));
    assert.equal(lines.at(-1), "total        at least 2 min 00 s, as earlier runs took");
    // what is there takes no time
    assert.deepEqual(await times(), {
      ...expected,
      ...{ base: undefined, "convert-raw": 1.5, total: 20 + 50 + 40 + 8 },
    });
  });

  it("expects no time of another release, although its template shares all other files", async () => {
    const known = async (change: Partial<ImageSpec>) =>
      planRows(await stack.stackPlan(change)).flatMap((row) =>
        row.expectedSeconds ? row.stage : [],
      );
    const { plan } = await stack.plan();
    await stack.publish(plan.base, null);
    await stack.publish(plan.image, null);
    await stack.publish((await stack.plan()).proof!.smoke!, null);
    assert.deepEqual(await known({ template: findTemplate("debian13") }), []);
    assert.deepEqual(await known({ diskBytes: 2 ** 34 }), ["base", "image", "smoke"]);
  });

  it("names what changed beside the image, of stages that follow a new one", async () => {
    const first = await stack.plan();
    await stack.publish(first.plan.image, "image");
    const { smoke, check } = (await stack.plan()).proof!;
    await stack.publish(smoke!, "smoke");
    await stack.publish(check, "check");
    const found = await stack.rows({ cpus: 4 });
    assert.equal(found.image, "will run | cpus: 2 → 4");
    assert.equal(found.smoke, "runs after image | cpus: 2 → 4");
    assert.equal(found.check, "runs after image");
  });

  it("marks a loss by when the lost one was made", async () => {
    const { folder, manifest } = await stack.publish((await stack.plan()).plan.base, "base");
    rmSync(folder, { recursive: true });
    assert.equal((await stack.rows()).base, "will run | its artifact is gone from the store");
    assert.equal(await stack.markerOf("base"), `lost:${manifest.publishedAt}`);
    const again = await stack.publish((await stack.plan()).plan.base, "base");
    assert.equal(await stack.markerOf("base"), undefined);
    chmodSync(join(again.folder, "disk.qcow2"), 0o644);
    truncateSync(join(again.folder, "disk.qcow2"));
    const why = "will run | its artifact is damaged: disk.qcow2 is missing or altered";
    assert.equal((await stack.rows()).base, why);
    assert.equal(await stack.markerOf("base"), `lost:${again.manifest.publishedAt}`);
    assert.notEqual(manifest.publishedAt, again.manifest.publishedAt);
  });

  it("refuses the one instance that is to be rebuilt, and a rebuilt base its image", async () => {
    const { plan: image } = await stack.plan();
    const base = await stack.publish(image.base, "base");
    const built = await stack.publish(image.image, "image");
    stack.rebuild = ["image"];
    const why = "will run | a rebuild was asked for";
    assert.deepEqual([(await stack.rows()).base, (await stack.rows()).image], ["unchanged", why]);
    assert.equal(await stack.markerOf("image"), `rebuild:${built.manifest.publishedAt}`);
    stack.rebuild = ["base"];
    assert.deepEqual([(await stack.rows()).base, (await stack.rows()).image], [why, why]);
    assert.equal(await stack.markerOf("base"), `rebuild:${base.manifest.publishedAt}`);
    assert.equal((await stack.rows()).check, "runs after image");
  });

  it("shows as many reasons as somebody reads, and says how many it leaves out", () => {
    const lines = (count: number) => {
      const reasons = Array.from({ length: count }, (_, i) => `file ${i + 1}: none → abc`);
      const row = { stage: "base", status: "will run", reasons, changes: [], after: [] } as const;
      return planLines([row]).slice(1, -1);
    };
    assert.equal(lines(8).length, 8);
    assert.equal(lines(8).at(-1), "        file 8: none → abc");
    assert.equal(lines(20).length, 8);
    assert.equal(lines(20).at(-1), "        and 13 more; all of them: preview --json");
  });

  it("says on what an image is made, and that it waits only where that one is to be made first", () => {
    const row = (image: string, status: PlanRow["status"], on?: string): PlanRow => ({
      ...{ stage: `${image}.image`, image, status, reasons: [], changes: [], after: [] },
      ...(on === undefined ? {} : { on }),
    });
    const titles = (base: PlanRow["status"]) =>
      planLines([row("base", base), row("web", "will run", "base")])
        .filter((line) => /^ *(base|web)\b/.test(line))
        .map((line) => line.trim());
    assert.deepEqual(titles("will run"), ["base", "web   waits for base"]);
    assert.deepEqual(titles("unchanged"), ["base  unchanged", "web   made on base"]);
  });

  describe("of a base that is renewed by age", () => {
    const weekly = { refreshAfter: 7 * 86_400 };
    const DAY = 86_400_000;
    afterEach(() => mock.timers.reset());

    const dayOf = async () => (await stack.plan(weekly)).plan.base.description.inputs.epoch;

    it("is a young one, under the day on which it was begun; then it counts as changed", async () => {
      mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
      const { key } = (await stack.plan(weekly)).plan.base;
      assert.equal(await dayOf(), "2026-11-01");
      await stack.publish((await stack.plan(weekly)).plan.base, "base");
      mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY - 1000);
      assert.equal((await stack.rows(weekly)).base, "unchanged");
      assert.equal((await stack.plan(weekly)).plan.base.key, key);
      mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY + 1000);
      const why = "will run | age: 7 days, and refreshAfter is 7 days";
      assert.equal((await stack.rows(weekly)).base, why);
    });

    it("is not one of another kind", async () => {
      mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
      await stack.publish((await stack.plan({ ...weekly, kernel: "generic" })).plan.base, "base");
      mock.timers.setTime(Date.UTC(2026, 10, 3, 12));
      assert.equal(await dayOf(), "2026-11-03");
      await stack.publish((await stack.plan(weekly)).plan.base, "base");
      mock.timers.setTime(Date.UTC(2026, 10, 5, 12));
      assert.equal(await dayOf(), "2026-11-03");
    });
  });
});
