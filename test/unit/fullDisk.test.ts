import assert from "node:assert/strict";

import { gcOnFullDisk } from "../ownMounts";
import { TemporaryStore } from "../temporaryStore";

describe("a full disk", () => {
  const at = new TemporaryStore();
  after(() => at.remove());

  it("is made room on by gc, which needs none itself", async function () {
    const { key } = await at.publish({ "image.qcow2": "x".repeat(1_000_000) });
    const said = gcOnFullDisk(this, at.home);
    assert.match(said, new RegExp(`^store/image-${key}  \\d+ KiB\n1 folder, \\d+ KiB freed\n$`));
  }).timeout(60_000);
});
