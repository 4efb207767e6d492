import assert from "node:assert/strict";

import { probeAccelerator } from "../../executors/accelerator";
import { siteWithoutDocker } from "../site";

describe("the choice of an accelerator", () => {
  it("does not look at KVM where emulation is set, and says what that costs", async () => {
    const { accelerator, reason } = await probeAccelerator(siteWithoutDocker("/nowhere"), {
      setting: "tcg",
      toolsImage: "no-such-image",
    });
    assert.equal(accelerator, "tcg");
    assert.match(reason, /ten times slower/);
  });
});
