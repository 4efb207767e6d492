import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programsFolder } from "../../host/project";

/** Runs build_image.py's part that drives Packer, in this folder. The nth start of Packer is told what happens by the nth word of OUTCOMES. */
const RUN = `
import json, os, sys
sys.dont_write_bytecode = True
sys.path[:0] = sys.argv[1:3]
import build_image, points, stage
from packer_run import PackerRun
build_image.WORK = build_image.LOGS = os.getcwd()
build_image.SCRATCH, build_image.OUTPUT = os.path.abspath("tmp"), os.path.abspath("tmp/output")
build_image.BUILD = os.path.abspath("build.json")
stage.tool_versions = lambda: {"qemu": "7.2.22"}
points.Chain.why_unusable = lambda chain, link, qemu: None
points.PointTaker.start = lambda taker, packer, end: None
given = json.loads(sys.argv[3])
template = {"builders": [{"name": "q", "use_backing_file": True}]}
settings = {"points": given, "diskBytes": 1, "signs": None, "freezeSeconds": None, "keep": True,
            "scripts": {}, "steps": [{"name": f"50-{n}-run", "title": f"step {n}"} for n in (1, 2, 3, 4)]}

def make_ready(chain):
    os.makedirs("tmp/output", exist_ok=True)
    open("tmp/output/disk", "w").close()
    print("starts from", chain.last_step(), "with points after", [n for n in (1, 2, 3, 4) if chain.takes(n)], flush=True)

try:
    print(build_image.run_packer(settings, "MK", template, None, make_ready, "variables.json")[1].removeprefix(os.getcwd() + "/tmp/"))
except stage.Failure as failure:
    print("failed:", str(failure).split("\\n")[0])
`;

const PACKER = `#!/bin/sh
cd ..
echo start >>starts
set -- $(sed -n "$(wc -l <starts)p" outcomes)
echo "==> q: Found port for communicator (SSH, WinRM, etc): 4153."
case $1 in
  silent*) echo "Build 'q' errored: Timeout waiting for SSH." ;;
  off) echo 0 >tmp/qemu.exit && sleep 5 ;;
  killed) echo 137 >tmp/qemu.exit && sleep 5 ;;
  lost-notes) echo "==> q: Provisioning with shell script: /x/guest.sh"
    echo "Build 'q' errored: Script exited with non-zero exit status: 1" ;;
  *) echo "==> q: Provisioning with shell script: /x/50-$2-run"
    [ "$1" != works ] || exit 0
    echo "Build 'q' errored: Script exited with non-zero exit status: 7" ;;
esac
# somebody looks at the guest of a build that has failed for good
case $1 in fails | silent-base) touch let-go ;; esac
exit 1
`;

describe("a guest that is started from a point", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-resumed-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What Packer's starts were, how they ended, and what is noted of points. */
  function run(outcomes: readonly string[], steps: readonly number[], until: number | null = null) {
    writeFileSync(join(folder, "outcomes"), outcomes.map((line) => `${line}\n`).join(""));
    writeFileSync(join(folder, "packer"), PACKER);
    chmodSync(join(folder, "packer"), 0o755);
    mkdirSync(join(folder, "tmp"));
    const settings = { from: steps.map((step) => ({ step, qemu: "7.2.22" })), until };
    const folders = ["common", "image"].map((name) => join(programsFolder, name));
    const { stdout, stderr } = spawnSync(
      "python3",
      ["-c", RUN, ...folders, JSON.stringify(settings)],
      {
        ...{ cwd: folder, encoding: "utf8" },
        env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
      },
    );
    assert.notEqual(stdout, "", stderr);
    const noted = () =>
      JSON.parse(readFileSync(join(folder, "points/silent.json"), "utf8")) as unknown;
    return { said: stdout.trim().split("\n"), told: stderr.trim().split("\n"), noted };
  }

  it("and does not answer is started from the point before, which then stands for it", () => {
    const { said, told, noted } = run(["silent", "works 3"], [1, 2]);
    assert.deepEqual(said, [
      "starts from 2 with points after [1, 2, 3, 4]",
      "starts from 1 with points after [1]",
      "output/disk",
    ]);
    const words = [
      "a guest that was started from the point after step 2 did not answer: the guest did not answer on SSH in time (setting timeouts)",
      "the build begins with the point after step 1, and no point is taken from step 2 on",
    ];
    assert.deepEqual(
      told.filter((line) => words.includes(line)),
      words,
    );
    assert.deepEqual(noted(), {
      ...{ steps: [2], why: "the guest did not answer on SSH in time (setting timeouts)" },
    });
  });

  it("twice in vain is started from the base, and neither point is gone on from again", () => {
    const { said, noted } = run(["off", "lost-notes", "fails 1"], [1, 2, 3]);
    assert.deepEqual(said, [
      "starts from 3 with points after [1, 2, 3, 4]",
      "starts from 2 with points after [1, 2]",
      "starts from 0 with points after [1]",
      "failed: step 1 (step 1) ended with exit code 7; its last lines:",
    ]);
    assert.deepEqual((noted() as { steps: number[] }).steps, [3, 2]);
  });

  it("is not the point's fault where the base does not answer either", () => {
    const { said, noted } = run(["silent", "silent-base"], [1]);
    assert.equal(
      said.at(-1),
      "failed: the guest did not answer on SSH in time (setting timeouts); its console:",
    );
    assert.equal(said.length, 3);
    assert.throws(noted, /ENOENT/);
  });

  it("and answers, or whose QEMU fails, is not started again", () => {
    const { said } = run(["fails 3"], [1, 2]);
    assert.deepEqual(said, [
      "starts from 2 with points after [1, 2, 3, 4]",
      "failed: step 3 (step 3) ended with exit code 7; its last lines:",
    ]);
    rmSync(join(folder, "tmp"), { recursive: true });
    rmSync(join(folder, "starts"));
    assert.equal(run(["killed"], [1, 2]).said.length, 2);
  });

  it("takes no points from a step on after which one was put aside", () => {
    assert.equal(run(["works 3"], [1], 2).said[0], "starts from 1 with points after [1]");
  });
});
