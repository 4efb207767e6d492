import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bootstrapImage } from "../../executors/bootstrapDebian";
import { StageFailure } from "../../host/failure";
import { firstOnPath, restorePath } from "../firstOnPath";

describe("bootstrapping the builder's base image", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle base "));
  });
  afterEach(() => {
    restorePath();
    rmSync(folder, { recursive: true });
  });

  /** What the user is told to do when mmdebstrap ends with these words. */
  async function hint(words: string): Promise<string> {
    firstOnPath(folder, "mmdebstrap", `echo "${words}" >&2\nexit 1`);
    const options = { release: "bookworm", image: "x:y", folder, print: () => undefined };
    const error = await bootstrapImage({ ...options, docker: {} as never }).catch((e: Error) => e);
    assert.ok(error instanceof StageFailure);
    assert.match(error.message, new RegExp(words));
    assert.equal(error.details.exitCode, 3);
    return error.details.hint!;
  }

  it("says where room is needed when a disk is full, and not to install what is there", async () => {
    const full = await hint("gpg: error writing to 'pubring.kbx': No space left on device");
    assert.match(full, /make room/);
    assert.ok(full.includes(`${tmpdir()} (TMPDIR)`) && full.includes(folder), full);
    assert.doesNotMatch(full, /setup/);
    assert.match(await hint("E: no such suite"), /setup/);
  });
});
