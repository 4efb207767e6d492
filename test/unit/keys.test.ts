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
      builder: "6b244243ea329af33e9533758eefc0859a3dd78e59b849adfd55d639e3deac20",
      base: "16c7093d1981b34b3518780b57736e26146c208b0ef9390e15ed43c7c4354790",
      image: "5f575ca8055b0848e2e8cf24248cba1ce1d339474beb49b538f229deb130c748",
      check: "971c4de39aab5dfe7b2d6127c1186bfc9d08390c9ca4a1771b44089bee0e8098",
      "convert-raw": "bd731e24d21f564d1a00a4cfe572e79ce5c5a4a55f8461432a0bf7689f7fe346",
      "convert-qcow2-zstd": "863e2b37669256e69039fce0567e08aeee1149f0fe1402f9fbac0514f45b6dbe",
      smoke: "479f501538d9b551a44f0866ccc5d3d1316ea0078b7a49d4e205a5ae09b468d1",
      release: "1c3c0d366a278542f755d23f1cec5cb68bd9f429e309feca821e9b27c6074fd7",
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
