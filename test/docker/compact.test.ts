import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { inTools } from "./smallDisk";
import { toolsImage } from "./toolsImage";

/** A disk with one ext4, in which the file `secret` was deleted and `kept` was not; then compacted. Prints what is found. */
const SCRIPT = `set -e
cd /w
mkdir tree && for name in secret kept; do head -c 9000 <(yes "the $name of this disk") >tree/$name; done
truncate -s 64M disk.raw
echo 'start=2048, type=linux' | sfdisk -q --label gpt disk.raw
mke2fs -q -t ext4 -E offset=1048576 -d tree disk.raw 60M
debugfs -w -R 'rm /secret' 'disk.raw?offset=1048576' 2>/dev/null
STATE
echo "before $(grep -c 'the secret' disk.raw || true)"
qemu-img convert -O qcow2 disk.raw overlay.qcow2
python3 -c 'import sys; sys.path.insert(0, "/usr/local/lib/kragle"); import compact; compact.compact("overlay.qcow2", "image.qcow2")'
qemu-img convert -O raw image.qcow2 after.raw
echo "after $(grep -c 'the secret' after.raw || true)"
debugfs -R 'cat /kept' 'after.raw?offset=1048576' 2>/dev/null | cmp - tree/kept && echo "kept"
e2fsck -fn 'after.raw?offset=1048576' >/dev/null 2>&1 && echo "whole"
ls`;

describe("compacting an image", function () {
  this.timeout(60_000);
  let image: string;
  let folder: string;
  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-compact-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const found = (state = "") =>
    inTools(image, folder, SCRIPT.replace("STATE", state)).trim().split("\n");

  it("takes the content of deleted files with it, and nothing else", () => {
    const [before, ...after] = found();
    assert.match(before!, /^before [1-9]/);
    assert.deepEqual(after.slice(0, 3), ["after 0", "kept", "whole"]);
    assert.ok(!after.includes("image.qcow2.raw"));
  });

  it("believes no file system that was not unmounted cleanly", () => {
    const [before, after, ...rest] = found(
      "debugfs -w -R 'set_super_value state 0' 'disk.raw?offset=1048576' 2>/dev/null",
    );
    assert.match(before!, /^before [1-9]/);
    assert.match(after!, /^after [1-9]/);
    assert.equal(rest[0], "kept");
  });
});
