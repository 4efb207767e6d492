import assert from "node:assert/strict";
import { chmodSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mock } from "node:test";

import { readStackSettings } from "../../cli/stackSettings";
import { makePlan } from "../../infra/plan";
import { planLines, planRows, totalSeconds } from "../../infra/planReport";
import { parseSettings } from "../../infra/settings";
import { type StageDescription, stageKey } from "../../plan/description";
import type { PlannedStage } from "../../plan/imagePlan";
import type { ImageSpec } from "../../plan/imageSpec";
import { pointsOf } from "../../plan/stages/point";
import type { ProvisionStep } from "../../plan/steps";
import { claimResult } from "../../run/answer";
import { claimBuilder } from "../../run/claimBuilder";
import { baseFile, pointFile } from "../../store/pointChain";
import { writeStackRecord } from "../../store/stackRecord";
import type { Artifact } from "../../store/artifactStore";
import { digest, scriptStep } from "../samples";
import { TemporaryStore } from "../temporaryStore";
import { siteWithoutDocker } from "../site";
import { named, ownerOf, rootsOf } from "../stacks";

const spec = parseSettings(readStackSettings("dev").values, "dev");
const AFTER = ["check", "convert-raw", "smoke", "release"];

/** A planned stage as it would be with another description. */
function replan({ description }: PlannedStage, change: Partial<StageDescription>): PlannedStage {
  const changed = { ...description, ...change };
  return { description: changed, key: stageKey(changed) };
}

describe("what the plan finds in the store", () => {
  let at: TemporaryStore;
  /** What the user wants built again. */
  let rebuild: string[];
  beforeEach(() => {
    at = new TemporaryStore();
    rebuild = [];
  });
  afterEach(() => at.remove());

  const plan = (change: Partial<ImageSpec> = {}) =>
    makePlan(siteWithoutDocker(at.home), { ...spec, ...change }, ownerOf(at.home, "dev"), rebuild);

  /** Each stage's status and why. */
  async function rows(change: Partial<ImageSpec> = {}): Promise<Record<string, string>> {
    const list = planRows(await plan(change)).map(({ stage, status, reasons }) => [
      stage,
      [status, ...reasons].join(" | "),
    ]);
    return Object.fromEntries(list) as Record<string, string>;
  }

  /** Publishes a stage's result, as one that the stack uses unless it is said otherwise. */
  async function publish(planned: PlannedStage, root: string | null): Promise<Artifact> {
    const { stage } = planned.description;
    const file = { image: "image.qcow2", base: "disk.qcow2" }[stage] ?? "file";
    const artifact = await at.publish({ [file]: "x" }, planned.description);
    if (root !== null) await claimResult(rootsOf(at.home, "dev"), root, artifact.manifest);
    return artifact;
  }

  const markerOf = async (root: string, change: Partial<ImageSpec> = {}) =>
    (await plan(change)).observed.get(root)?.observation.marker;

  it("is nothing at first, and what follows the image cannot be told yet", async () => {
    const reference = (await plan()).tools.reference;
    assert.match(reference, /^kragle-tools:[0-9a-f]{12}$/);
    assert.deepEqual(await rows(), {
      builder: `will run | Docker has no image ${reference}`,
      base: "will run | never built in this store",
      image: "will run | never built in this store",
      ...Object.fromEntries(AFTER.map((stage) => [stage, "runs after image"])),
    });
    assert.match((await markerOf("base"))!, new RegExp(`^absent:${at.store.id}:\\d+$`));
    assert.deepEqual(planLines(planRows(await plan())), [
      "builder      will run",
      `               Docker has no image ${reference}`,
      "base         will run",
      "               never built in this store",
      "image        will run",
      "               never built in this store",
      ...AFTER.map((stage) => `${stage.padEnd(11)}  runs after image`),
      "total        not known yet",
    ]);
  });

  it("is what any stack has built", async () => {
    const { plan: image } = await plan();
    await publish(image.base, null);
    await publish(image.image, null);
    const found = await rows();
    assert.deepEqual([found.base, found.image], ["from store", "from store"]);
    for (const stage of AFTER) assert.equal(found[stage], "will run | never built in this store");
    // the stage has to run, to find it and to keep it for this stack
    const marker = await markerOf("base");
    assert.match(marker!, /^unheld:\d+$/);
    assert.equal(await markerOf("base"), marker);
  });

  it("misses a root, each time that it is lost, and says that nothing is built for it", async () => {
    const { plan: image } = await plan();
    const why = "from store | its root is gone; up sets it again, and builds nothing for that";
    const markers = new Set<string | undefined>();
    await publish(image.image, "image");
    const losses: (() => unknown)[] = [
      () => rootsOf(at.home, "dev").drop("base"),
      () => rmSync(join(at.home, "roots"), { recursive: true }),
      () => rmSync(join(at.home, "roots"), { recursive: true }),
    ];
    for (const lose of losses) {
      await publish(image.base, "base");
      assert.deepEqual([(await rows()).base, await markerOf("base")], ["unchanged", undefined]);
      await writeStackRecord(at.home, ownerOf(at.home, "dev"), {
        ...{ engine: "embedded", outputs: {}, finishedAt: "2026-11-01T00:00:00Z" },
      });
      await lose();
      assert.equal((await rows()).base, why);
      markers.add(await markerOf("base"));
    }
    assert.equal(markers.size, 3);
  });

  it("is everything after a whole run", async () => {
    const first = await plan();
    await publish(first.plan.base, "base");
    await publish(first.plan.image, "image");
    const { check, conversions, smoke, release } = (await plan()).proof!;
    await publish(check, "check");
    await publish(conversions[0]!, "convert-raw");
    await publish(smoke!, "smoke");
    await publish(release, "release");
    const { builder: _, ...found } = await rows();
    assert.deepEqual(new Set(Object.values(found)), new Set(["unchanged"]));
    // a new format needs no image
    const more = [...spec.formats, { format: "vdi", options: {}, fileName: "k.vdi", name: "vdi" }];
    const changed = await rows({ formats: more });
    assert.deepEqual(
      Object.entries(changed).filter(([stage, row]) => stage !== "builder" && row !== "unchanged"),
      [
        ["convert-vdi", "will run | never built in this store"],
        ["release", "will run | convert-vdi is new"],
      ],
    );
  });

  it("names a touched program of check, which costs check and release and nothing else", async () => {
    const { plan: now, proof: none } = await plan();
    assert.equal(none, undefined);
    await publish(now.base, "base");
    await publish(now.image, "image");
    // what the stack used before somebody added a comment
    const name = "check/inspect_image.py";
    const { check, conversions, smoke, release } = (await plan()).proof!;
    const before = replan(check, {
      inputs: {
        ...check.description.inputs,
        programs: { ...check.description.inputs.programs, [name]: digest("1") },
      },
    });
    await publish(before, "check");
    await publish(conversions[0]!, "convert-raw");
    await publish(smoke!, "smoke");
    const upstream = { ...release.description.upstream, check: before.key };
    await publish(replan(release, { upstream }), "release");

    const { builder: _, ...found } = await rows();
    const after = check.description.inputs.programs[name]!.slice(0, 12);
    const short = (key: string) => key.slice(0, 12);
    assert.deepEqual(found, {
      ...{ base: "unchanged", image: "unchanged", "convert-raw": "unchanged", smoke: "unchanged" },
      check: `will run | builder/stages/check/inspect_image.py: 111111111111 → ${after}+x`,
      release: `will run | check changed: ${short(before.key)} → ${short(check.key)}`,
    });
  });

  it("names the input that changed, and expects the time of before", async () => {
    await publish((await plan()).plan.base, "base");
    const base = planRows(await plan({ kernel: "generic" })).find(({ stage }) => stage === "base");
    assert.deepEqual(base, {
      stage: "base",
      status: "will run",
      reasons: ["kernel: cloud → generic"],
      changes: [{ input: "kernel", before: "cloud", after: "generic" }],
      expectedSeconds: 1.5,
    });
  });

  it("still names it when the artifact is gone, as long as the stack has the root", async () => {
    const { folder } = await publish((await plan()).plan.base, "base");
    rmSync(folder, { recursive: true });
    assert.equal((await rows({ kernel: "generic" })).base, "will run | kernel: cloud → generic");
  });

  it("names what changed in the builder, whose images are Docker's", async () => {
    const { builder } = (await plan({ packer: "distribution" })).plan;
    const request = { reference: "debian", builder: builder.description };
    await claimBuilder(rootsOf(at.home, "dev"), { ...named("dev"), root: "builder", ...request });
    const found = await rows({ packer: "release" });
    assert.match(
      found.builder!,
      /^will run \| Docker has no image kragle-tools:[0-9a-f]{12} \| packer: distribution → release$/,
    );
    assert.match((await rows({ packer: "distribution" })).builder!, / any more$/);
  });

  it("expects the time of this stack's last run, else that of the newest of any, and adds up", async () => {
    const times = async (change: Partial<ImageSpec> = {}) => {
      const list = planRows(await plan(change));
      const { builder, ...rest } = Object.fromEntries(
        list.map(({ stage, expectedSeconds }) => [stage, expectedSeconds]),
      );
      return { builder, ...rest, total: totalSeconds(list) };
    };
    const first = await plan();
    const likeImage = { ...first.plan.image.description, upstream: { base: "another" } };
    const { manifest } = await at.publish({ "image.qcow2": "like" }, likeImage);
    const upstream = { imageSha256: manifest.files[0]!.sha256 };
    const likeRaw = { ...first.history.get("convert-raw")!.description, upstream };
    // of an image that nothing is known of
    await at.publish(
      { file: "x" },
      { ...first.history.get("check")!.description, upstream: { imageSha256: "x" } },
    );
    await at.publish({ file: "x" }, likeRaw);
    await at.publish({ file: "x" }, { ...likeRaw, inputs: { format: "vdi", options: {} } });
    await publish(first.plan.base, "base");
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), {
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
    const lines = planLines(planRows(await plan({ kernel: "generic" })));
    assert.equal(lines.at(-1), "total        at least 2 min 00 s, as earlier runs took");
    // what is there takes no time
    assert.deepEqual(await times(), {
      ...expected,
      ...{ base: undefined, "convert-raw": 1.5, total: 20 + 50 + 40 + 8 },
    });
  });

  it("names what changed beside the image, of stages that follow a new one", async () => {
    const first = await plan();
    await publish(first.plan.image, "image");
    const { smoke, check } = (await plan()).proof!;
    await publish(smoke!, "smoke");
    await publish(check, "check");
    const found = await rows({ cpus: 4 });
    assert.equal(found.image, "will run | cpus: 2 → 4");
    assert.equal(found.smoke, "runs after image | cpus: 2 → 4");
    assert.equal(found.check, "runs after image");
  });

  it("marks a loss by when the lost one was made", async () => {
    const { folder, manifest } = await publish((await plan()).plan.base, "base");
    rmSync(folder, { recursive: true });
    assert.equal((await rows()).base, "will run | its artifact is gone from the store");
    assert.equal(await markerOf("base"), `lost:${manifest.publishedAt}`);
    const again = await publish((await plan()).plan.base, "base");
    assert.equal(await markerOf("base"), undefined);
    chmodSync(join(again.folder, "disk.qcow2"), 0o644);
    truncateSync(join(again.folder, "disk.qcow2"));
    const why = "will run | its artifact is damaged: disk.qcow2 is missing or altered";
    assert.equal((await rows()).base, why);
    assert.equal(await markerOf("base"), `lost:${again.manifest.publishedAt}`);
    assert.notEqual(manifest.publishedAt, again.manifest.publishedAt);
  });

  it("refuses the one instance that is to be rebuilt, and a rebuilt base its image", async () => {
    const { plan: image } = await plan();
    const base = await publish(image.base, "base");
    const built = await publish(image.image, "image");
    rebuild = ["image"];
    const why = "will run | a rebuild was asked for";
    assert.deepEqual([(await rows()).base, (await rows()).image], ["unchanged", why]);
    assert.equal(await markerOf("image"), `rebuild:${built.manifest.publishedAt}`);
    rebuild = ["base"];
    assert.deepEqual([(await rows()).base, (await rows()).image], [why, why]);
    assert.equal(await markerOf("base"), `rebuild:${base.manifest.publishedAt}`);
    assert.equal((await rows()).check, "runs after image");
  });

  it("shows as many reasons as somebody reads, and says how many it leaves out", () => {
    const lines = (count: number) => {
      const reasons = Array.from({ length: count }, (_, i) => `file ${i + 1}: none → abc`);
      const row = { stage: "base", status: "will run", reasons, changes: [] } as const;
      return planLines([row]).slice(1, -1);
    };
    assert.equal(lines(8).length, 8);
    assert.equal(lines(8).at(-1), "        file 8: none → abc");
    assert.equal(lines(20).length, 8);
    assert.equal(lines(20).at(-1), "        and 13 more; all of them: preview --json");
  });

  describe("of an image with points", () => {
    const script = (name: string, content: string) => {
      const path = join(at.home, name);
      writeFileSync(path, content);
      return scriptStep(path);
    };
    const points = 2 ** 30;
    let provision: ProvisionStep[];
    beforeEach(() => {
      provision = ["a", "b", "c"].map((name) => script(`${name}.sh`, `#!/bin/sh\n# ${name}\n`));
    });
    const DAY = 86_400_000;
    afterEach(() => mock.timers.reset());

    /** Publishes what a build of these steps leaves. */
    async function build(change: Partial<ImageSpec> = {}) {
      const { plan: image } = await plan({ points, provision, ...change });
      const installed = await publish(image.base, "base");
      const below = [baseFile(installed.manifest)];
      for (const { description } of pointsOf(image.image.description)) {
        const result = { disk: "disk.qcow2", qemu: "7.2.22", below: [...below] };
        const taken = await at.publish({ "disk.qcow2": description.stage }, description, {
          result,
        });
        below.push(pointFile(taken.manifest));
      }
      await publish(image.image, "image");
      return image.image.key;
    }

    it("names the step that changed, and the point from which the build goes on", async () => {
      await build();
      assert.equal((await rows({ points, provision })).image, "unchanged");
      provision[2] = { ...script("c.sh", "#!/bin/sh\n# other\n"), name: "the last" };
      const found = planRows(await plan({ points, provision })).find(
        ({ stage }) => stage === "image",
      )!;
      assert.match(found.reasons[0]!, /^step 3 \(the last\) changed: script /);
      assert.equal(found.reasons[1], `goes on from the point after step 2 (${at.home}/b.sh)`);
      assert.deepEqual(found.goesOnAfter, { step: 2, title: `${at.home}/b.sh` });
    });

    it("goes on from none where the first step changed, points are off, or all is built anew", async () => {
      await build();
      const [first, second, third] = provision as [ProvisionStep, ProvisionStep, ProvisionStep];
      const goesOn = async (change: Partial<ImageSpec>) =>
        (await rows(change)).image!.includes("goes on");
      assert.equal(await goesOn({ points, provision: [first, third] }), true);
      assert.equal(await goesOn({ points, provision: [second, third] }), false);
      assert.equal(await goesOn({ provision: [first, third], points: 0 }), false);
      rebuild.push("image");
      assert.equal(await goesOn({ points, provision: [first, third] }), false);
      assert.match(
        (await markerOf("image", { points, provision: [first, third] }))!,
        /^rebuild:absent:/,
      );
    });

    it("runs a step again that is too old, and those after it, until then nothing", async () => {
      mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
      provision[1] = { ...provision[1]!, refreshAfter: 7 * 86_400, name: "the updates" };
      const key = await build();
      mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY - 1000);
      assert.equal((await plan({ points, provision })).plan.image.key, key);
      mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY + 1000);
      assert.equal(
        (await rows({ points, provision })).image,
        `will run | step 2 (the updates) is 7 days old, and refreshAfter is 7 days | goes on from the point after step 1 (${at.home}/a.sh)`,
      );
    });

    it("runs a step in every build that is always to run", async () => {
      mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
      provision[2] = { ...provision[2]!, always: true, name: "the date" };
      const key = await build();
      mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 1000);
      assert.notEqual((await plan({ points, provision })).plan.image.key, key);
      assert.equal(
        (await rows({ points, provision })).image,
        `will run | step 3 (the date) runs in every build (always) | goes on from the point after step 2 (${at.home}/b.sh)`,
      );
    });
  });

  describe("of a base that is renewed by age", () => {
    const weekly = { refreshAfter: 7 * 86_400 };
    const DAY = 86_400_000;
    afterEach(() => mock.timers.reset());

    const dayOf = async () => (await plan(weekly)).plan.base.description.inputs.epoch;

    it("is a young one, under the day on which it was begun; then it counts as changed", async () => {
      mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
      const { key } = (await plan(weekly)).plan.base;
      assert.equal(await dayOf(), "2026-11-01");
      await publish((await plan(weekly)).plan.base, "base");
      mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY - 1000);
      assert.equal((await rows(weekly)).base, "unchanged");
      assert.equal((await plan(weekly)).plan.base.key, key);
      mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY + 1000);
      const why = "will run | age: 7 days, and refreshAfter is 7 days";
      assert.equal((await rows(weekly)).base, why);
    });

    it("is not one of another kind", async () => {
      mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
      await publish((await plan({ ...weekly, kernel: "generic" })).plan.base, "base");
      mock.timers.setTime(Date.UTC(2026, 10, 3, 12));
      assert.equal(await dayOf(), "2026-11-03");
      await publish((await plan(weekly)).plan.base, "base");
      mock.timers.setTime(Date.UTC(2026, 10, 5, 12));
      assert.equal(await dayOf(), "2026-11-03");
    });
  });
});
