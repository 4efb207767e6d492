import assert from "node:assert/strict";

import { hypervisorWarnings } from "../../infra/settings/hypervisors";
import { parseSettings } from "../../infra/settings";

describe("a format's hypervisor", () => {
  const warnings = (settings: object) => hypervisorWarnings(parseSettings({ ...settings }, "dev"));

  it("whose default machine the kernel cannot drive is told, with what to set", () => {
    const formats = ["raw", "vdi", "vmdk", "vmdk:subformat=streamOptimized", "vhd"];
    const [vdi, vmdk, ...more] = warnings({ formats, kernel: "cloud" });
    assert.match(
      vdi!,
      /^vdi: VirtualBox .* AHCI .* "cloud" does not drive both; set kernel: generic, or/,
    );
    assert.match(vmdk!, /^vmdk: VMware .*PVSCSI/);
    assert.deepEqual(more, []);
  });

  it("is not told where the kernel drives it, or no such format is made", () => {
    assert.deepEqual(warnings({ formats: ["vdi", "vmdk"], kernel: "generic" }), []);
    assert.deepEqual(warnings({ formats: ["raw", "vhdx", "qcow2"], kernel: "cloud" }), []);
  });
});
