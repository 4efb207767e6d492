import assert from "node:assert/strict";

import type { ImageOutputs } from "../../plan/outputs";
import { type Clone, jsonOf } from "../clone";
import { describeInFullTier } from "../fullTier";
import { sharedClone } from "../sharedClone";
import { imageList } from "./imageLists";

const MINUTES = 60_000;

interface Up {
  readonly steps: Readonly<Record<string, string>>;
  readonly outputs: ImageOutputs;
}

// an image of its own, minutes
describeInFullTier("a stack on the release of another one", function () {
  this.timeout(60 * MINUTES);

  async function up(clone: Clone, stack: string): Promise<Up> {
    const finished = await clone.kragle(["up", "-s", stack, "--engine", "embedded", "--json"]);
    assert.equal(finished.code, 0, finished.stderr);
    return jsonOf<Up>(finished);
  }

  const ran = ({ steps }: Up) => Object.keys(steps).filter((step) => steps[step] === "run");

  it("is built on its image, booted and released, and then there is nothing to do", async () => {
    const clone = sharedClone();
    await up(clone, "dev");
    clone.addStack("role", {
      ...{ formats: [], from: { stack: "dev" }, diskSize: "5 GiB" },
      provision: [{ run: "echo role >/etc/role" }],
    });
    const first = await up(clone, "role");
    assert.deepEqual(ran(first).sort(), ["check", "image", "release", "smoke"]);
    assert.ok(first.outputs.smoke.passed);
    assert.equal(first.outputs.imageVirtualBytes, 5 * 2 ** 30);
    assert.ok(imageList(clone, "role", "files.tsv").some((line) => line.includes("/etc/role")));
    assert.deepEqual(ran(await up(clone, "role")), []);
  });
});
