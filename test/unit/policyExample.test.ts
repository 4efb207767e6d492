import assert from "node:assert/strict";

import { parseSettings } from "../../settings/stack";
import { schema } from "../../settings/schema";

type Rule = (image: object, stack: string) => string | undefined;
const { problems, ageInDays } = require("../../examples/policy/rules.cjs") as {
  problems: Record<"signed" | "proven" | "waived" | "kernel", Rule>;
  ageInDays: (buildId: string, now: Date) => number | undefined;
};

describe("the example of a policy pack", () => {
  const waive = [{ rule: "ssh.passwords", reason: "reached by console only" }];
  const good = { signKey: "~/.ssh/release", proof: "full", kernel: "generic", runsOn: ["metal"] };

  it("refuses by the settings of an image, and nothing but what is wrong", () => {
    const wrong = (image: object, stack: string) =>
      Object.entries(problems)
        .filter(([, rule]) => rule(image, stack) !== undefined)
        .map(([name]) => name);
    assert.deepEqual(wrong(good, "prod"), []);
    assert.deepEqual(wrong({ ...good, check: { waive } }, "lab"), []);
    assert.deepEqual(wrong({ runsOn: ["metal"], check: { waive } }, "production"), [
      "signed",
      "proven",
      "waived",
      "kernel",
    ]);
    assert.deepEqual(wrong({ ...good, smoke: "libvirt" }, "lab"), ["proven"]);
    // one whose name only begins alike
    assert.deepEqual(wrong({ ...good, check: { waive } }, "products"), []);
  });

  it("takes for a setting that is not given what kragle takes", () => {
    const { smoke, proof, kernel } = parseSettings({}, "dev");
    assert.deepEqual({ smoke, proof, kernel }, { smoke: "qemu", proof: "quick", kernel: "cloud" });
    for (const name of ["signKey", "smoke", "proof", "kernel", "runsOn", "check"]) {
      assert.ok(name in schema.shape, name);
    }
  });

  it("counts days since a build by its id, once that is known", () => {
    const now = new Date("2026-12-29T11:00:00Z");
    assert.equal(ageInDays("20261129.111117.b1e639ed5a97", now), 30);
    assert.equal(ageInDays("20261228.235959.b1e639ed5a97", now), 1);
    assert.equal(ageInDays("undefined", now), undefined);
  });
});
