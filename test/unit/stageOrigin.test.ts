import assert from "node:assert/strict";

import { planImage } from "../../plan/imagePlan";
import type { PreviousRelease } from "../../release/previous";
import { originOf, type StageRun } from "../../release/stageRuns";
import { digest, sampleFiles, sampleSpec } from "../samples";

describe("where a release has a stage from", () => {
  const { image } = planImage(sampleSpec, sampleFiles, null);
  const run: StageRun = {
    ...{ root: "image", ...image, seconds: 60, phases: [] },
    ...{ startedOn: "2026-11-02T10:00:00.000Z", finishedOn: "2026-11-02T10:01:00.000Z" },
  };
  const previous = (stage: Partial<StageRun>, releasedAt = "2026-11-01T00:00:00.000Z") => ({
    ...{ files: [], releasedAt, imageSha256: digest("a") },
    stages: [{ ...run, finishedOn: "2026-11-01T00:00:00.000Z", ...stage }],
  });

  it("is told by the release before, with the input that changed", () => {
    const other = planImage({ ...sampleSpec, cpus: 1 }, sampleFiles, null).image;
    const origin = (before: PreviousRelease) => originOf(run, before, "ours");
    assert.deepEqual(origin(previous(other)), { from: "run", why: "cpus: 1 → 2" });
    assert.deepEqual(origin(previous(run)).from, "store");
    assert.match(origin(previous({})).why, /lost, or a rebuild/);
    assert.deepEqual(origin({ files: [], stages: [] }).from, "run");
    const late = previous(other, "2026-11-03T00:00:00.000Z");
    assert.deepEqual(origin(late).from, "store");
  });

  it("is the store where the stack released before, to another path", () => {
    const after = (stackReleasedAt: string) =>
      originOf(run, { files: [], stages: [], stackReleasedAt }, "ours").from;
    assert.equal(after("2026-11-03T00:00:00.000Z"), "store");
    assert.equal(after("2026-11-01T00:00:00.000Z"), "run");
  });

  it("is the store where another stack has run it, also for a first release", () => {
    const other = planImage({ ...sampleSpec, cpus: 1 }, sampleFiles, null).image;
    const of = (owner: string) => ({
      ...run,
      madeBy: { kragle: { version: "0.1.0" }, containers: [], owner },
    });
    for (const before of [{ files: [], stages: [] }, previous(other), previous({})]) {
      const theirs = { from: "store", why: "another stack has made it" };
      assert.deepEqual(originOf(of("theirs"), before, "ours"), theirs);
      assert.equal(originOf(of("ours"), before, "ours").from, "run");
    }
  });
});
