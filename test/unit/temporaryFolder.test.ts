import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { StageFailure } from "../../host/failure";
import { makeTemporaryFolder, withTemporaryFolder } from "../../host/temporaryFolder";

describe("the folder for temporary files", () => {
  const { TMPDIR } = process.env;
  afterEach(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });
  const names = (folder: RegExp) => (error: unknown) => {
    assert.ok(error instanceof StageFailure);
    assert.match(error.message, folder);
    assert.match(error.details.hint!, /TMPDIR/);
    assert.equal(error.details.exitCode, 3);
    return true;
  };

  it("is named where it does not exist", () => {
    process.env.TMPDIR = "/nowhere/at all";
    assert.throws(() => makeTemporaryFolder("kragle-"), names(/\/nowhere\/at all.*ENOENT/));
  });

  it("is named where it is full, and nothing stays in it", async () => {
    let made = "";
    const fill = (folder: string) => {
      made = folder;
      return Promise.reject(Object.assign(new Error("ENOSPC: write"), { code: "ENOSPC" }));
    };
    await assert.rejects(withTemporaryFolder("kragle-", fill), names(/the disk is full/));
    assert.ok(made && !existsSync(made));
  });
});
