import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Clone } from "../clone";
import { sharedClone } from "../sharedClone";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, evidenceFolder } from "./invariants";
import { Run } from "./run";

const MIB = 2 ** 20;

/** Provisioning scripts that misbehave, in one real guest, one after the other. */
describe("provisioning scripts that misbehave", function () {
  this.timeout(30 * 60_000);
  let clone: Clone;
  countFaults();

  before(function () {
    if (!process.env.KRAGLE_TEST_FULL) this.skip();
    clone = sharedClone();
  });

  it("fill neither disk nor memory, and the one that hangs is named", async () => {
    const scripts = {
      "prints 100 MB.sh": `yes "$(head -c 1000 /dev/zero | tr '\\0' y)" | head -c 100000000`,
      "one endless line.sh": `head -c 100000000 /dev/zero | tr '\\0' x; echo`,
      "hängt.sh": `echo now it hangs; sleep 100000`,
    };
    for (const [name, text] of Object.entries(scripts)) {
      writeFileSync(clone.path(name), `#!/bin/sh\n${text}\n`);
    }
    clone.addStack("scripts", { provision: Object.keys(scripts), timeouts: { script: 0.3 } });
    const home = clone.path(".kragle");
    const started = Run.start(home, ["up", "-s", "scripts", "--engine", "embedded", "--json"], {
      folder: clone.folder,
    });
    const { code, stderr } = await started.ended;
    assert.equal(code, 1, stderr.slice(-3000));
    assert.match(stderr, /"(\S*)hängt\.sh" ran longer than it may \(setting timeouts\)/);
    assert.match(stderr, /now it hangs/);
    const folder = evidenceFolder(stderr, clone.folder);
    assertEvidence(folder, "packer.log", "scripts.log", "container.log", "stage.log");
    for (const log of ["packer.log", "scripts.log", "container.log", "stage.log"]) {
      assert.ok(statSync(join(folder, log)).size < 40 * MIB, `${log} is too large`);
    }
    assert.match(readFileSync(join(folder, "scripts.log"), "utf8"), /prints 100 MB\.sh/);
    assert.ok(stderr.length < 2 * MIB, "whoever watches was flooded");
    await assertNothingLeaked(home, { project: clone.folder });
    for (const fault of [
      "script prints 100 MB",
      "script prints one endless line",
      "script hangs",
    ]) {
      survived({ fault, where: "image" });
    }
  });
});
