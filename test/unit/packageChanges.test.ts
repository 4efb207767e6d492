import assert from "node:assert/strict";

import { comparePackages } from "../../release/packages";
import { changesSince, type PreviousRelease } from "../../release/previous";
import { samplePackage } from "../samplePackage";
import { digest } from "../samples";

describe("how packages changed", () => {
  it("is what came, what went, and what has another version", () => {
    const before = [samplePackage("a", "1"), samplePackage("b", "1"), samplePackage("gone", "3")];
    const after = [samplePackage("a", "1"), samplePackage("b", "2"), samplePackage("new", "1")];
    const amd64 = { architecture: "amd64" };
    assert.deepEqual(comparePackages(before, after), {
      added: [{ name: "new", version: "1", ...amd64 }],
      removed: [{ name: "gone", version: "3", ...amd64 }],
      changed: [{ name: "b", from: "1", to: "2", ...amd64 }],
    });
  });

  it("tells architectures apart, and counts several versions of one package together", () => {
    const i386 = { ...samplePackage("a", "1"), architecture: "i386" };
    assert.deepEqual(
      comparePackages(
        [samplePackage("a", "1"), i386],
        [samplePackage("a", "1"), samplePackage("a", "2")],
      ),
      {
        added: [],
        removed: [{ name: "a", version: "1", architecture: "i386" }],
        changed: [{ name: "a", from: "1", to: "1, 2", architecture: "amd64" }],
      },
    );
  });

  it("is nothing for a first release, and stays the same where one is repeated", () => {
    const previous: PreviousRelease = { files: [], stages: [] };
    const first = changesSince(previous, digest("a"), [samplePackage("a", "1")]);
    assert.deepEqual([first.previousImageSha256, first.added], [null, []]);
    const earlier = { ...previous, imageSha256: digest("a"), packages: [samplePackage("a", "1")] };
    const second = changesSince(earlier, digest("b"), [samplePackage("a", "2")]);
    assert.deepEqual([second.previousImageSha256, second.changed.length], [digest("a"), 1]);
    const repeated = { ...previous, imageSha256: digest("b"), changes: second };
    assert.deepEqual(changesSince(repeated, digest("b"), [samplePackage("a", "2")]), second);
  });
});
