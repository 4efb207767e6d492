import assert from "node:assert/strict";

import fc from "fast-check";

import { explain } from "../../preview/explain";
import { changedInputs, type StageDescription, stageKey } from "../../plan/description";
import { planImage } from "../../plan/imagePlan";
import { planProof } from "../../plan/proofPlan";
import type { ImageSpec } from "../../plan/imageSpec";
import type { Root } from "../../store/roots";
import type { ProvisionStep, Step } from "../../plan/steps";
import { digest, sampleFiles, sampleSha256, sampleSpec, scriptStep } from "../samples";

const plan = (change: Partial<ImageSpec> = {}, files = sampleFiles, epoch: string | null = null) =>
  planImage({ ...sampleSpec, ...change }, files, epoch);
const proof = (change: Partial<ImageSpec> = {}, sha256 = sampleSha256, files = sampleFiles) =>
  planProof({ ...sampleSpec, ...change }, files, sha256);

/** What a stack notes of a stage that it used ten days ago. */
const used = (description: StageDescription): Root => ({
  stage: description.stage,
  key: stageKey(description),
  publishedAt: new Date(Date.now() - 10.5 * 86_400_000).toISOString(),
  description,
});

/** Each change as a reader gets it. */
const explained = (
  before: { description: StageDescription },
  after: typeof before,
  change: Partial<ImageSpec> = {},
) =>
  explain(used(before.description), after.description, { ...sampleSpec, ...change }).map(
    ({ text }) => text,
  );

describe("which input changed", () => {
  it("is none where nothing did, and none where nothing is known of before", () => {
    assert.deepEqual(explained(plan().base, plan().base), []);
    const { description } = plan({ kernel: "generic" }).base;
    assert.deepEqual(explain(undefined, description, sampleSpec), []);
    const { description: _, ...old } = used(plan().base.description);
    assert.deepEqual(explain(old, description, sampleSpec), []);
    assert.deepEqual(explain(used(plan().image.description), description, sampleSpec), []);
  });

  it("is the setting, as it is called and written there", () => {
    assert.deepEqual(
      explain(used(plan().base.description), plan({ diskBytes: 2 ** 33 }).base.description, {
        ...sampleSpec,
      }),
      [
        {
          ...{ input: "diskSize", before: "4.0 GiB", after: "8.0 GiB" },
          text: "diskSize: 4.0 GiB → 8.0 GiB",
        },
      ],
    );
    assert.deepEqual(explained(plan().base, plan({ diskBytes: 2 ** 32 + 2 ** 20 }).base), [
      "diskSize: 4096 MiB → 4097 MiB",
    ]);
    assert.deepEqual(explained(plan().base, plan({ kernel: "generic" }).base), [
      "kernel: cloud → generic",
    ]);
    assert.deepEqual(explained(plan().image, plan({ memoryMiB: 2048 }).image), [
      "memory: 1.0 GiB → 2.0 GiB",
    ]);
    assert.deepEqual(explained(plan().base, plan({ snapshot: "2026-11-01" }).base), [
      "snapshot: none → 2026-11-01",
    ]);
    assert.deepEqual(explained(plan().builder, plan({ packer: "release" }).builder), [
      "packer: auto → release",
    ]);
    assert.deepEqual(explained(proof().smoke!, proof({ cpus: 4 }).smoke!), ["cpus: 2 → 4"]);
    assert.deepEqual(explained(proof().release, proof({ path: "x" }).release), [
      "path: build/sample → x",
    ]);
  });

  it("is the file by its path in the project, with short digests", () => {
    const scripts = { ...sampleFiles.scripts, "90-generalise.sh": digest("9") };
    assert.deepEqual(explained(plan().image, plan({}, { ...sampleFiles, scripts }).image), [
      "builder/provision/90-generalise.sh: 777777777777 → 999999999999",
    ]);
    const test = { script: "tests/web.sh", args: ["80"], timeoutSeconds: undefined };
    const tests = (digit: string) => ({ ...sampleFiles, tests: { "1-web.sh": digest(digit) } });
    const tested = (digit: string, args: string[]) =>
      proof({ tests: [{ ...test, args }] }, sampleSha256, tests(digit)).smoke!;
    const change = { tests: [test] };
    assert.deepEqual(explained(tested("1", ["80"]), tested("2", ["80"]), change), [
      "tests/web.sh: 111111111111 → 222222222222",
    ]);
    assert.deepEqual(explained(tested("1", ["80"]), tested("1", ["81"]), change), [
      "tests.args.1-web.sh.0: 80 → 81",
    ]);
    const base = { ...sampleFiles.base, "base.py": digest("9") };
    assert.deepEqual(explained(plan().base, plan({}, { ...sampleFiles, base }).base), [
      "builder/templates/sample/base.py: 333333333333 → 999999999999",
    ]);
    const builder = { ...sampleFiles.builder, Dockerfile: digest("9") };
    assert.deepEqual(explained(plan().builder, plan({}, { ...sampleFiles, builder }).builder), [
      "builder/Dockerfile: 111111111111 → 999999999999",
    ]);
  });

  it("is kragle's own program by its path, for each stage that runs it", () => {
    const changed = (name: string) => {
      const programs = Object.fromEntries(
        Object.entries(sampleFiles.programs).map(([stage, files]) => [
          stage,
          name in files ? { ...files, [name]: digest("9") } : files,
        ]),
      ) as typeof sampleFiles.programs;
      return { ...sampleFiles, programs };
    };
    const inspector = changed("check/inspect_image.py");
    assert.deepEqual(explained(proof().check, proof({}, undefined, inspector).check), [
      "builder/stages/check/inspect_image.py: dddddddddddd → 999999999999",
    ]);
    assert.deepEqual(explained(plan().base, plan({}, inspector).base), []);
    const shared = changed("common/stage.py");
    const line = "builder/stages/common/stage.py: aaaaaaaaaaaa → 999999999999";
    assert.deepEqual(explained(plan().image, plan({}, shared).image), [line]);
    assert.deepEqual(explained(proof().check, proof({}, undefined, shared).check), [line]);
  });

  it("is the step by its number and what people call it: changed, new or gone", () => {
    const [script] = sampleFiles.steps as [Step & { kind: "script" }];
    const after = (steps: Step[], ...provision: ProvisionStep[]) =>
      explained(plan().image, plan({}, { ...sampleFiles, steps }).image, { provision });
    const app = scriptStep("scripts/app.sh");
    assert.deepEqual(after([{ ...script, script: digest("9") }], app), [
      "step 1 (scripts/app.sh) changed: script 666666666666 → 999999999999",
    ]);
    const variables = { SITE: "lab" };
    assert.deepEqual(after([{ ...script, variables }], { ...app, name: "the app" }), [
      "step 1 (the app) changed: variables.SITE none → lab",
    ]);
    assert.deepEqual(after([{ ...script, variables, args: ["x"] }], app), [
      "step 1 (scripts/app.sh) changed",
    ]);
    assert.deepEqual(after([]), ["step 1 is gone"]);
    const more = ["a.sh", "b.sh"].map(scriptStep);
    assert.deepEqual(after([script, script, { kind: "reboot" }], app, ...more), [
      "step 2 (a.sh) is new",
      "step 3 (b.sh) is new",
    ]);
    // a renamed script is the same step
    assert.deepEqual(after([script], scriptStep("other.sh")), []);
  });

  it("is the stage before it where that changed, and nothing of what that declares", () => {
    const [before, after] = [plan(), plan({ kernel: "generic" })];
    const keys = [before, after].map(({ base }) => base.key.slice(0, 12));
    assert.deepEqual(explained(before.image, after.image), [
      `base changed: key ${keys.join(" → ")}`,
    ]);
    assert.deepEqual(explained(before.builder, after.builder), []);
  });

  it("is the age of a base that became too old", () => {
    const week = { refreshAfter: 7 * 86_400 };
    const [before, after] = ["2026-11-01", "2026-11-08"].map((day) => plan({}, sampleFiles, day));
    assert.deepEqual(explained(before!.base, after!.base, week), [
      "age: 10 days, and refreshAfter is 7 days",
    ]);
    assert.deepEqual(explained(plan().base, after!.base, week), ["refreshAfter: none → 7 days"]);
    assert.deepEqual(explained(after!.base, plan().base), ["refreshAfter: set → none"]);
  });

  it("is the image's content, for what follows it", () => {
    assert.deepEqual(explained(proof().check, proof({}, digest("b")).check), [
      "image changed: aaaaaaaaaaaa → bbbbbbbbbbbb",
    ]);
  });

  it("is the conversion, for a release", () => {
    const formats = sampleSpec.formats.slice(1);
    assert.deepEqual(explained(proof().release, proof({ formats }).release), [
      "convert-raw is no longer made",
    ]);
    assert.deepEqual(explained(proof({ formats }).release, proof().release), [
      "convert-raw is new",
    ]);
  });

  it("is everything where a ready builder takes the place of one that is built", () => {
    assert.deepEqual(explained(plan().builder, plan({ builderImage: "x" }).builder), [
      "architecture: amd64 → none",
      "baseImage: debian:bookworm-slim → none",
      "builder/Dockerfile: 111111111111 → none",
      "builder/install-tools.sh: 222222222222 → none",
      "packer: auto → none",
      "builderImage: none → x",
    ]);
  });

  it("is never silent about a different key", () => {
    const value = fc.oneof(
      fc.constantFrom("cloud", "generic", digest("1"), digest("2")),
      fc.integer(),
    );
    const inputs = fc.dictionary(fc.string(), value);
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
        const silent = changedInputs(before, after).length === 0;
        assert.equal(silent, stageKey(before) === stageKey(after));
      }),
    );
  });
});
