import assert from "node:assert/strict";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sha256File } from "../../host/files";
import { sha256 } from "../sha256";

describe("the digest of a large file", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle large "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** 80 MiB with some data and many holes, and what its SHA-256 is. */
  function sparse(places: readonly number[]) {
    const bytes = 80 * 2 ** 20 + 17;
    const content = Buffer.alloc(bytes);
    const file = openSync(join(folder, "file"), "w");
    ftruncateSync(file, bytes);
    for (const at of places) {
      const data = Buffer.from(`data at ${at}`);
      data.copy(content, at);
      writeSync(file, data, 0, Math.min(data.length, bytes - at), at);
    }
    closeSync(file);
    return sha256(content);
  }

  it("is that of all its bytes, whether they are stored or holes", async () => {
    for (const places of [[], [0], [3_000_001, 50_000_000], [80 * 2 ** 20 + 16]]) {
      const expected = sparse(places);
      assert.equal(await sha256File(join(folder, "file")), expected, String(places));
    }
  });

  it("fails where the file cannot be read", async () => {
    await assert.rejects(sha256File(join(folder, "none")), { code: "ENOENT" });
  });
});
