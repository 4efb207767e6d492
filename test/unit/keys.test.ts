import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import fc from "fast-check";

import { shortKey, stageKey } from "../../plan/description";
import { baseFamily, planImage } from "../../plan/imagePlan";
import type { ImageSpec } from "../../plan/imageSpec";
import { digest, keysOf, sampleFiles, sampleInputs, sampleSpec } from "../samples";

describe("keys", () => {
  it("are these of the sample, on any machine and in every later version", () => {
    // computed by another program (Python: json.dumps with sorted keys, hashlib): whoever changes one of these throws away every
    // result in everybody's store
    assert.deepEqual(keysOf(sampleInputs), {
      builder: "9c4fbc0609bb9b8d7a0375eecc223bb3559165bd505b4ed53d8c8c8764ce5571",
      base: "8ba5aecc3739a6b481ca95eb1fd7be7c8049efdd5b8bd13e816b993b7e523988",
      image: "9f6d0863362046bbdd51cd4388156fd2feea3b024e466a1a0492778989acbb02",
      check: "5b7760c31a77eb941a08eb7767b9c3e22b66797c1f099996c13ec2b2748e20e9",
      "convert-raw": "360085a76399cb5c83acfd7506e23cb03374d544252240fa1f31054cc19c16e9",
      "convert-qcow2-zstd": "1c186f0508b91521e49e5f43f053492817c40c2a9238efffb921092897e38f90",
      smoke: "bfb796f31f2c454d915f7adb69a26c4c3f4bc0a9076bc94deeba0b05676cbeb5",
      release: "51086b5923c4799ac7b80f3a1439816f0e5c85efc675cd1ea655c60dad15fc31",
    });
  });

  it("of a ready builder is of its reference alone", () => {
    const builderImage = `registry.example/kragle@sha256:${digest("b")}`;
    assert.equal(
      keysOf({ ...sampleInputs, spec: { ...sampleSpec, builderImage } }).builder,
      "8ecb958957ec984e04dec2581a91ad6828e639c26f42a5b49411f3a33dd4bb47",
    );
  });

  it("do not depend on the order of properties", () => {
    const inputs = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(inputs, fc.dictionary(fc.string(), fc.string()), (declared, upstream) => {
        const description = { stage: "x", version: 1, inputs: declared as never, upstream };
        const turned = reversed(description) as typeof description;
        assert.equal(stageKey(turned), stageKey(description));
      }),
    );
  });

  it("depend on the order in a list, and on the type of a value", () => {
    const key = (value: never) =>
      stageKey({ stage: "x", version: 1, inputs: { value }, upstream: {} });
    const values = [[1, 2], [2, 1], ["1", 2], [], {}, null, "", "null", 0, false];
    assert.equal(new Set(values.map((value) => key(value as never))).size, values.length);
  });

  it("tell stages and versions with the same inputs apart", () => {
    const of = (stage: string, version: number) =>
      stageKey({ stage, version, inputs: {}, upstream: {} });
    assert.equal(new Set([of("a", 1), of("b", 1), of("a", 2)]).size, 3);
  });

  it("are SHA-256 of canonical JSON, and short ones are their first 12 digits", () => {
    const text = '{"inputs":{},"stage":"x","upstream":{},"version":1}';
    const key = createHash("sha256").update(text).digest("hex");
    assert.equal(stageKey({ version: 1, upstream: {}, stage: "x", inputs: {} }), key);
    assert.equal(shortKey(key), key.slice(0, 12));
  });

  it("of bases that differ in their day only belong to one family", () => {
    const base = (epoch: string | null, change: Partial<ImageSpec> = {}) =>
      baseFamily(planImage({ ...sampleSpec, ...change }, sampleFiles, epoch).base.description);
    assert.equal(base("2026-11-01"), base(null));
    assert.equal(base("2026-11-01"), base("2026-11-08"));
    assert.notEqual(base("2026-11-01", { kernel: "generic" }), base("2026-11-01"));
  });
});

/** The same value with the properties of every object turned round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([name, part]) => [name, reversed(part)]));
}
