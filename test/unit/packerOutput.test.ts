import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programsFolder } from "../../host/project";

const MARK = "0123456789abcdef";
const TITLES = { "50-1-app.sh": "web/app.sh", "90-generalise.sh": "builder/90-generalise.sh" };

interface Heard {
  readonly reason: string;
  readonly told: string;
  readonly scripts: string;
  readonly timedOut: boolean;
  readonly mayEnd: boolean;
  readonly refused: boolean;
  readonly removed: readonly string[][];
  readonly wayIn: readonly string[];
}

describe("Packer's output", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-packer-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What kragle makes of these lines, as Packer 1.6 prints a script's (after blanks), or 1.16 (after an arrow). */
  function hear(lines: readonly string[], arrow = "   "): Heard {
    const text = lines
      .map((line) => line.replace(/^script: /, `${arrow} kragle-qcow2: ${MARK}|`))
      .map((line) => line.replace(/^packer: /, "==> kragle-qcow2: "))
      .join("\n");
    const code = `
import io, json, sys
sys.path.insert(0, ${JSON.stringify(join(programsFolder, "common"))})
import packer_run
run = packer_run.PackerRun(".", ".", "kragle-qcow2", titles=json.loads(sys.argv[1]), mark="${MARK}")
source = io.StringIO(sys.stdin.read())
for piece in iter(lambda: source.readline(packer_run.LONGEST_PIECE), ""):
    run.hear(piece)
print(json.dumps({"reason": run.reason(1), "timedOut": run.timed_out, "mayEnd": run.qemu.may_end, "refused": run.refused, "removed": run.removed, "wayIn": run.way_in}))`;
    const done = spawnSync("python3", ["-B", "-c", code, JSON.stringify(TITLES)], {
      ...{ cwd: folder, input: `${text}\n`, encoding: "utf8", maxBuffer: 2 ** 26 },
    });
    assert.equal(done.status, 0, done.stderr);
    const scripts = readFileSync(join(folder, "scripts.log"), "utf8");
    return { ...(JSON.parse(done.stdout) as Heard), told: done.stderr, scripts };
  }

  const start = "packer: Provisioning with shell script: /template/provision/50-1-app.sh";
  const failed =
    "Build 'kragle-qcow2' errored after 1 minute: Script exited with non-zero exit status: 7. Allowed exit codes are: [0]";

  for (const arrow of ["   ", "==>"]) {
    it(`is told from what a script prints, which is kept whole (${arrow.trim() || "1.6"})`, () => {
      const words = [
        "Error: disk is low",
        "Waiting for SSH to become available...",
        "Gracefully halting virtual machine...",
        "Cancelling provisioner after a timeout...",
        "Provisioning with shell script: /template/provision/90-generalise.sh",
        "removed\tdeleted\tidentity\t/etc/x\t-",
        failed.replace("7", "0"),
        "",
      ];
      const heard = hear([start, ...words.map((word) => `script: ${word}`), failed], arrow);
      assert.equal(heard.scripts, ["» web/app.sh", ...words, ""].join("\n"));
      assert.match(
        heard.reason,
        /step 1 \(web\/app\.sh\) ended with exit code 7; its last lines:\n {2}Error/,
      );
      assert.match(heard.told, /» step 1 \(web\/app\.sh\)\nError: disk is low\nWaiting for SSH/);
      assert.doesNotMatch(heard.told, /» (wait for ssh|power off|generalise)/);
      assert.deepEqual([heard.timedOut, heard.mayEnd, heard.removed], [false, false, []]);
    });
  }

  it("tells whether a download was refused, by the last script", () => {
    const next = start.replace("50-1-app", "90-generalise");
    for (const words of [
      "E: Failed to fetch http://mirror/a.deb  Hash Sum mismatch",
      "[Errno -1] Package does not match intended download.",
    ]) {
      assert.equal(hear([start, `script: ${words}`]).refused, true, words);
      assert.equal(hear([start, `script: ${words}`, next]).refused, false, words);
    }
    const note = `    kragle-qcow2: ${MARK}!apt has refused a.deb: it is not what it has to be`;
    assert.equal(hear([start, note]).refused, true);
    assert.equal(hear([start, "script: all is well", failed]).refused, false);
  });

  it("names the script that failed, also where another cleans up after it", () => {
    const heard = hear([
      ...[start, "script: my last words"],
      "packer: Provisioning step had errors: Running the cleanup provisioner, if present...",
      "packer: Provisioning with shell script: /template/provision/80-unsubscribe.sh",
      ...["packer: nothing to unsubscribe", "script: late", failed],
    ]);
    assert.match(
      heard.reason,
      /step 1 \(web\/app\.sh\) ended with exit code 7; its last lines:\n {2}my last words\n {2}late\n/,
    );
  });

  it("is told from the rest of a line that a script never ended", () => {
    const long = `${"x".repeat(2 ** 16 - 40)}==> kragle-qcow2: Error: none`;
    const many = Array.from({ length: 60 }, (_, index) => "y".repeat(index) + long);
    const heard = hear([start, ...many.map((line) => `script: ${line}`), failed]);
    assert.equal(heard.scripts, ["» web/app.sh", ...many, ""].join("\n"));
    assert.match(heard.reason, /ended with exit code 7/);
  });

  it("has what a program beside the guest says of its step, and how that ended", () => {
    const heard = hear([
      "packer: Running local shell script: /tmp/packer-shell123",
      `packer: ${MARK}>50-1-app.sh`,
      `packer: ${MARK}!the guest did not go down within 5 s`,
      failed.replace("Script exited with non-zero exit status: 7", "Erroneous exit code 1"),
    ]);
    assert.match(
      heard.reason,
      /step 1 \(web\/app\.sh\) ended with exit code 1; its last lines:\n {2}kragle: the guest did not/,
    );
  });

  it("has what generalisation took away, with the script's name that people know", () => {
    const heard = hear([
      ...["packer: Provisioning with shell script: /template/provision/90-generalise.sh"],
      "script: removed\tdeleted\tidentity\t/etc/krb5.keytab\t50-1-app.sh",
      "script: removed\temptied\ttrace\t/var/log/dpkg.log\t-",
    ]);
    assert.deepEqual(heard.removed, [
      ["deleted", "identity", "/etc/krb5.keytab", "web/app.sh"],
      ["emptied", "trace", "/var/log/dpkg.log", ""],
    ]);
    assert.equal(heard.told, "» generalise\n");
  });

  it("has what generalisation tells of the way in, and of no other script", () => {
    const line = "script: way in\tpermitrootlogin no";
    assert.deepEqual(hear([start, line]).wayIn, []);
    const heard = hear([
      start.replace("50-1-app", "90-generalise"),
      line,
      line.replace("no", "yes"),
    ]);
    assert.deepEqual(heard.wayIn, ["permitrootlogin no", "permitrootlogin yes"]);
  });

  it("that only says that a connection of its own has ended is said in words", () => {
    for (const why of [
      "unexpected EOF",
      "connection is shut down",
      "Plugin exited before we could connect",
    ]) {
      const heard = hear([start, `Build 'kragle-qcow2' errored after 1 minute: ${why}`]);
      assert.match(
        heard.reason,
        /^Packer lost its plugin while step 1 \(web\/app\.sh\) ran, .*no memory left, .* then run the same command again/,
        why,
      );
      assert.ok(heard.reason.includes(`(${why})`));
    }
  });
});
