import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bootstrapImage } from "../../executors/bootstrapDebian";
import { StageFailure } from "../../host/failure";

describe("bootstrapping the builder's base image", () => {
  const { PATH } = process.env;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle base "));
    process.env.PATH = `${folder}:${PATH}`;
  });
  afterEach(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  });

  /** What the user is told to do when mmdebstrap ends with these words. */
  async function hint(words: string): Promise<string> {
    writeFileSync(join(folder, "mmdebstrap"), `#!/bin/sh\necho "${words}" >&2\nexit 1\n`);
    chmodSync(join(folder, "mmdebstrap"), 0o755);
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
