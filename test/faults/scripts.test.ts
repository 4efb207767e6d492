import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Clone } from "../clone";
import { sharedCloneInFullTier } from "../sharedClone";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, evidenceFolder } from "./invariants";
import { type Ended, Run } from "./run";
import { OBEYED } from "./suspectRelease";

const MIB = 2 ** 20;
const LOGS = ["packer.log", "scripts.log", "container.log", "stage.log"];

/** What a text is not made of: an installer that unpacks itself has such bytes behind its shell script. */
const PAYLOAD = "\0\u0001\r\n\r\u007f".repeat(1000);

const FLOOD = {
  "prints 100 MB.sh": `yes "$(head -c 1000 /dev/zero | tr '\\0' y)" | head -c 100000000`,
  "one endless line.sh": `head -c 20000000 /dev/zero | tr '\\0' x; echo`,
  "hardens.sh": `mount -t tmpfs -o noexec tmpfs /tmp; umask 077`,
  "leaves a process.sh": "sleep 100000 & sleep 100000 >/dev/null &",
  "talks like Packer.sh": `echo 'Error: none' >&2; echo 'Gracefully halting virtual machine...'`,
  "speaks to the terminal.sh": `printf '\\033[2J\\033]0;owned\\007\\342\\200\\256turned\\n'`,
  "unpacks itself.sh": `sed '1,/^__PAYLOAD__$/d' "$0" | wc -c\nexit 0\n__PAYLOAD__\n${PAYLOAD}`,
  "closes its output.sh": "exec >&- 2>&- <&-; true",
  "fails.sh": "echo these are its last words; exit 7",
};

/** Provisioning scripts that misbehave, in a real guest. */
describe("provisioning scripts that misbehave", function () {
  this.timeout(30 * 60_000);
  let clone: Clone;
  countFaults();

  let flood: Promise<Ended>;
  let hang: Promise<Ended>;

  before(function () {
    clone = sharedCloneInFullTier(this);
    // at the same time, since the second mostly waits
    flood = fail("flood", FLOOD, 2);
    hang = fail("hang", { "hängt.sh": "echo now it hangs; sleep 100000" }, 0.1);
  });

  /** Builds with these scripts, the last of which fails. */
  async function fail(
    stack: string,
    scripts: Record<string, string>,
    minutes: number,
  ): Promise<Ended> {
    for (const [name, text] of Object.entries(scripts)) {
      writeFileSync(clone.path(name), `#!/bin/sh\n${text}\n`);
    }
    clone.addStack(stack, { provision: Object.keys(scripts), timeouts: { script: minutes } });
    return Run.up(clone, stack).ended;
  }

  /** What was said by the one, and the folder with its logs, after both. */
  async function evidenceOf(failed: Promise<Ended>) {
    await Promise.all([flood, hang]);
    const { code, stderr } = await failed;
    assert.equal(code, 1, stderr.slice(-3000));
    const folder = evidenceFolder(stderr, clone.folder);
    assertEvidence(folder, ...LOGS, "screen.png");
    await assertNothingLeaked(clone.path(".kragle"), { project: clone.folder });
    return { stderr, folder };
  }

  it("fill neither disk nor memory, and the one that fails is named with its last words", async () => {
    const { stderr, folder } = await evidenceOf(flood);
    assert.match(
      stderr,
      /step \d+ \(\S*fails\.sh\) ended with exit code 7; its last lines:\n.*last words/,
    );
    for (const log of LOGS) {
      assert.ok(statSync(join(folder, log)).size < 40 * MIB, `${log} is too large`);
    }
    const said = readFileSync(join(folder, "scripts.log"), "utf8");
    assert.match(stderr, /still running after the script has ended: sleep 100000/);
    assert.match(said, /» talks like Packer\.sh\nError: none\nGracefully halting/);
    assert.match(said, /^» \S*prints 100 MB\.sh\n[^]*» \S*fails\.sh\nthese are its last words\n$/);
    assert.match(said, new RegExp(`» unpacks itself\\.sh\n\\s*${PAYLOAD.length + 1}\n`));
    assert.match(said, /» speaks to the terminal\.sh\n.*turned\n/);
    assert.doesNotMatch(stderr, OBEYED);
    assert.ok(stderr.length < 2 * MIB, "whoever watches was flooded");
    const more = [
      ...["mounts /tmp noexec", "leaves a process", "talks like Packer", "speaks to the terminal"],
      ...["unpacks itself", "closes its output"],
    ];
    for (const fault of ["prints 100 MB", "prints one endless line", "fails", ...more]) {
      survived({ fault: `script ${fault}`, where: "image" });
    }
  });

  it("and hang are ended, and named with what they said before", async () => {
    const { stderr } = await evidenceOf(hang);
    assert.match(stderr, /step 1 \((\S*)hängt\.sh\) ran longer than it may \(setting timeouts\)/);
    assert.match(stderr, /now it hangs/);
    survived({ fault: "script hangs", where: "image" });
  });
});
