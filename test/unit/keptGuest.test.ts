import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { isAlive } from "../../host/alive";
import { programsFolder } from "../../host/project";
import { KEEP } from "../../plan/invocation";
import { keepGuest, readKept } from "../../run/keptGuest";
import { kragle } from "../kragle";
import { TemporaryStore } from "../temporaryStore";

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 200; tries++) await sleep(50);
  assert.ok(holds());
}

describe("the guest of a failed build", function () {
  this.timeout(30_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle kept "))));
  afterEach(() => {
    delete process.env[KEEP];
    rmSync(folder, { recursive: true });
  });

  /** Runs a Packer that fails and leaves a process behind, as it leaves QEMU. */
  function build(keep: boolean, said: string) {
    const packer = [
      "#!/bin/sh",
      'echo "$@" >arguments',
      // as Packer's plugin does it, whose own output QEMU gets, too
      `sh '${join(programsFolder, "common/qemu-recorded")}' -drive x 3</dev/null 4>&1 5>&1 >/dev/null 2>&1 &`,
      "echo $! >left",
      `printf '==> q: %s\\n' ${said}`,
      `echo '==> q: Step "StepProvision" failed, aborting...'`,
      `echo '==> q: aborted: skipping cleanup of step "StepDownload"'`,
      "echo \"Build 'q' errored: Script exited with non-zero exit status: 7\"",
      "exit 1",
    ];
    const programs = { packer, "qemu-system-x86_64": ["#!/bin/sh", "exec sleep 1000"] };
    for (const [name, lines] of Object.entries(programs)) {
      writeFileSync(join(folder, name), lines.join("\n"), { mode: 0o755 });
    }
    const program = `
import sys
sys.path[:0] = sys.argv[1:3]
import packer_run, stage, kept_guest
kept = kept_guest.KeptGuest(".") if sys.argv[3] == "keep" else None
try:
    packer_run.PackerRun(".", ".", "q", titles={"50-1-app.sh": "app.sh"}, kept=kept).build("t", [])
except stage.Failure as failure:
    print(failure)`;
    const folders = ["common", "image"].map((name) => join(programsFolder, name));
    const child = spawn("python3", ["-B", "-c", program, ...folders, keep ? "keep" : "-"], {
      cwd: folder,
      env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    const ended = once(child, "close").then(() => printed);
    return { ended, left: () => Number(readFileSync(join(folder, "left"), "utf8")) };
  }

  const SAID =
    "'Found port for communicator (SSH, WinRM, etc): 4153.' 'Provisioning with shell script: /t/50-1-app.sh'";
  const FAILED =
    /step 1 \(app\.sh\) ended with exit code 7; its last lines:\n {2}\(it printed nothing\)/;

  it("is kept until it is let go, and gone then", async () => {
    const { ended, left } = build(true, SAID);
    const note = join(folder, "kept.json");
    await until(() => existsSync(note));
    assert.deepEqual(JSON.parse(readFileSync(note, "utf8")), { port: 4153 });
    assert.match(readFileSync(join(folder, "arguments"), "utf8"), /build .*-on-error=abort/);
    await sleep(1200);
    assert.ok(isAlive(left()));
    writeFileSync(join(folder, "let-go"), "");
    assert.match(await ended, FAILED);
    await until(() => !isAlive(left()));
    assert.equal(existsSync(note), false);
  });

  it("is not kept where nobody asks, or where there never was one", async () => {
    const unasked = build(false, SAID);
    assert.match(await unasked.ended, FAILED);
    await until(() => !isAlive(unasked.left()));
    assert.doesNotMatch(readFileSync(join(folder, "arguments"), "utf8"), /on-error/);
    const early = build(true, "'no port yet'");
    assert.match(await early.ended, /packer ended with exit code 1/);
    await until(() => !isAlive(early.left()));
  });

  it("is told to who asked, by a folder, and let go when that is gone", async () => {
    const [asked, work] = [join(folder, "asked"), join(folder, "work")];
    [asked, work].forEach((name) => mkdirSync(name));
    const stage = { work, key: "k".repeat(64), store: { id: "s" } };
    assert.equal(keepGuest(stage), undefined);
    process.env[KEEP] = asked;
    const stop = keepGuest(stage)!;
    try {
      assert.equal(await readKept(asked), undefined);
      writeFileSync(join(work, "kept.json"), '{"port": 4153}\n');
      await until(() => existsSync(join(asked, "kept.json")));
      const told = { storeId: "s", key: stage.key, port: 4153 };
      assert.deepEqual(await readKept(asked), told);
      assert.equal(existsSync(join(work, "let-go")), false);
      rmSync(asked, { recursive: true });
      await until(() => existsSync(join(work, "let-go")));
    } finally {
      stop();
    }
  });

  it("is kept for somebody at a terminal only", async () => {
    const at = new TemporaryStore();
    try {
      const { code, stderr } = await kragle(at.home, ["up", "--keep"]);
      assert.equal(code, 2);
      assert.match(stderr, /--keep waits for somebody at a terminal, and this is none/);
    } finally {
      at.remove();
    }
  });
});
