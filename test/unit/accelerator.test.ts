import assert from "node:assert/strict";

import { judgeProbe, probeAccelerator } from "../../executors/accelerator";
import { PROBE_SECTOR } from "../../executors/probeSector";

describe("the choice of an accelerator", () => {
  it("takes the test guest's own exit code for success", () => {
    assert.equal(judgeProbe(33, ""), null);
  });

  it("refuses KVM where the test guest is slow", () => {
    assert.match(judgeProbe(124, "")!, /did not end within 1\.5 s/);
  });

  it("repeats QEMU's own words", () => {
    const output =
      "qemu-system-x86_64: warning: host does not support x\r\n" +
      "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\r\n";
    assert.equal(
      judgeProbe(134, output),
      "QEMU ended with code 134 when it ran a test guest (error: failed to set MSR 0x10a to 0x69)",
    );
    assert.match(judgeProbe(1, "")!, /it printed nothing/);
  });

  it("does not look at KVM where emulation is set, and says what that costs", async () => {
    const { accelerator, reason } = await probeAccelerator({
      setting: "tcg",
      toolsImage: "no-such-image",
      cacheFile: "/nowhere/accelerator.json",
    });
    assert.equal(accelerator, "tcg");
    assert.match(reason, /ten times slower/);
  });

  it("has a test guest that is a boot sector", () => {
    assert.equal(PROBE_SECTOR.length, 512);
    assert.equal(PROBE_SECTOR.readUInt16LE(510), 0xaa55);
    // the jump into 64-bit code and the table of descriptors are where the code expects them
    assert.equal(PROBE_SECTOR.readUInt16LE(0x58), 0x7c5c);
    assert.equal(PROBE_SECTOR.readUInt32LE(0x9a), 0x7c88);
  });
});
