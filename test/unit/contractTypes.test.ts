import assert from "node:assert/strict";

import type { Qcow2ArtifactArgs } from "../../components/qcow2Artifact";
import { planImage } from "../../plan/imagePlan";
import { base } from "../../plan/stages/base";
import { check } from "../../plan/stages/check";
import { type InputsOf, plan, type RequestOf, type ResultOf } from "../../plan/stages/contract";
import { publish } from "../../plan/stages/publish";
import { smoke } from "../../plan/stages/smoke";
import { booted } from "../releasePlace";
import { digest, sampleFiles, sampleSpec } from "../samples";

/**
 * Mistakes that the compiler finds, each marked with `@ts-expect-error`: where one of them compiles, `npm run check` fails. What
 * runs here shows that they are mistakes to the schema as well.
 */
describe("a mistake against a contract does not compile, and is refused", () => {
  it("where a request's field is misspelt", () => {
    const request: RequestOf<typeof check> = {
      ...{ toolsImage: "kragle-tools:1", imageKey: digest("1"), rules: [] },
      // @ts-expect-error: it is timeoutSeconds
      timeoutSecond: 600,
    };
    assert.equal(check.request.safeParse(request).success, false);
  });

  it("where a component hands a misspelt field on", () => {
    const request: Qcow2ArtifactArgs["request"] = {
      rules: [],
      // @ts-expect-error: it is timeoutSeconds
      timeoutSecond: 600,
    };
    const whole = { ...request, toolsImage: "kragle-tools:1", imageKey: digest("1") };
    assert.equal(check.request.safeParse(whole).success, false);
  });

  it("where an input is left out", () => {
    const { inputs } = planImage(sampleSpec, sampleFiles, null).base.description;
    const { kernel: _, ...others } = inputs as Extract<InputsOf<typeof base>, { kernel: string }>;
    // @ts-expect-error: a base has a kernel, an ISO or a disk
    const { description } = plan(base, others, { builder: digest("1") });
    assert.equal(base.inputs.safeParse(description.inputs).success, false);
  });

  it("where the stage before it is called by another name", () => {
    const inputs = { destination: { folder: "/srv/images" }, files: [] };
    // @ts-expect-error: it is release
    const { description } = plan(publish, inputs, { releases: digest("1") });
    assert.equal(publish.upstream.safeParse(description.upstream).success, false);
  });

  it("where a stage tells a result's field by another name", () => {
    const { complaints, ...others } = booted(digest("a")).boots.first!;
    const boots: ResultOf<typeof smoke>["boots"] = {
      // @ts-expect-error: it is complaints
      first: { ...others, problems: complaints },
    };
    assert.equal(smoke.result.safeParse({ ...booted(digest("a")), boots }).success, false);
  });

  it("where a reader asks for a result's field by another name", () => {
    const { first } = booted(digest("a")).boots;
    // @ts-expect-error: it is complaints
    assert.equal(first!.problems, undefined);
    assert.deepEqual(first!.complaints, []);
  });

  it("where a stage tells a value that is none of the possible", () => {
    // @ts-expect-error: "kvm" or "tcg"
    const accelerator: ResultOf<typeof smoke>["accelerator"] = "qemu";
    assert.equal(smoke.result.safeParse({ ...booted(digest("a")), accelerator }).success, false);
  });
});
