import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runProgram } from "../devProgram";
import { firstOnPath, restorePath } from "../firstOnPath";
import { TemporaryStore } from "../temporaryStore";

describe("the outputs of a stack whose image libvirt boots", () => {
  const at = new TemporaryStore();
  const folder = mkdtempSync(join(tmpdir(), "kragle virsh "));
  after(() => {
    restorePath();
    rmSync(folder, { recursive: true });
    at.remove();
  });

  it("name what stays defined, so that another program can use it", async () => {
    // a libvirt daemon that is ready
    firstOnPath(folder, "virsh", 'echo "State:          running"');
    const { value, find } = await runProgram(at, { settings: { smoke: "libvirt" } });
    const { libvirt } = value!.smoke as { libvirt: Record<string, unknown> };
    const named = (name: string) => find(name).inputs.name;
    assert.deepEqual(libvirt, {
      ...{ uri: "qemu:///system", domain: named("smoke-domain"), pool: "default" },
      volumes: {
        image: named("smoke-image"),
        overlay: named("smoke-overlay"),
        serial: named("smoke-serial"),
      },
    });
  });
});
