import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { projectFolder } from "../../host/project";
import { stageKey } from "../../plan/description";
import { docker } from "../site";
import type { StageCall } from "../../plan/stages/call";
import { canLoop } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { isFullTier } from "../fullTier";
import { baseCall } from "../sampleCalls";
import { TemporaryStore } from "../temporaryStore";
import { countFaults, survived } from "./figures";
import { assertEvidence, assertNothingLeaked, evidenceFolder } from "./invariants";
import { Run } from "./run";

/**
 * A template's base.py that leaves what only root may touch, as a half-made system is, and then does as it is told: by a variable
 * that goes into the container and into no key, so that each run is of the same stage.
 */
const PROGRAM = `#!/usr/bin/env python3
import os, sys, time
os.makedirs("/result/.tmp/root/etc", mode=0o700, exist_ok=True)
with open("/result/.tmp/root/etc/shadow", "w") as file: file.write("x")
os.chmod("/result/.tmp/root/etc/shadow", 0o600)
told = os.environ.get("no_proxy")
if told == "wait.test":
    print("at work", file=sys.stderr, flush=True); time.sleep(300)
if told == "fill.test":
    with open("/result/.tmp/fill", "wb") as file:
        while True:
            file.write(bytes(2**20)); file.flush(); time.sleep(0.02)
for name in ("disk.qcow2", "packages.tsv"):
    with open(f"/result/{name}", "w") as file: file.write(name)
`;
const told = (what: string) => ({ no_proxy: what, NO_PROXY: what });
const WAIT = told("wait.test");
const FILL = told("fill.test");
const FINISH = told("");

describe("the base stage survives", function () {
  this.timeout(120_000);
  let at: TemporaryStore;
  let image: string;
  let call: StageCall;
  countFaults();

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => {
    at = new TemporaryStore();
    call = callOf(2 ** 20);
  });
  afterEach(() => at.remove());

  /** The stage with a template that wants so many bytes. */
  function callOf(minimumDiskBytes: number): StageCall {
    const templateFolder = join(at.home, "template");
    mkdirSync(templateFolder, { recursive: true });
    const facts = JSON.stringify({ minimumDiskBytes, suite: "bookworm" });
    writeFileSync(join(templateFolder, "template.json"), facts);
    writeFileSync(join(templateFolder, "base.py"), PROGRAM, { mode: 0o755 });
    return baseCall({ toolsImage: image, templateFolder });
  }

  const container = (run: Run) =>
    run.processIn(at.store.id, stageKey(call.description), /base\.py/);
  const published = async () => (await at.store.lookup("base", stageKey(call.description))).state;

  async function assertSurvived(fault: string, run?: Run, owner?: Owner): Promise<void> {
    const secondsToClean = await assertNothingLeaked(at.home, { since: run?.faultAt });
    assert.equal(await published(), "missing");
    const again = await Run.stage(at.home, call, FINISH, owner).ended;
    assert.equal(again.code, 0, again.stderr);
    assert.equal(await published(), "present");
    assert.deepEqual(readdirSync(join(at.home, "work")), []);
    survived({ fault, where: "base", secondsToClean });
  }

  it("SIGKILL of kragle between its container's creation and its start", async () => {
    const run = Run.stage(at.home, call, WAIT);
    const filters = { label: [`kragle.store=${at.store.id}`] };
    while ((await docker.listContainers({ all: true, filters })).length === 0);
    run.signal("SIGKILL");
    await run.ended;
    await assertSurvived("SIGKILL of kragle", run);
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
    it(`${signal} of kragle`, async function () {
      // as SIGINT; the image stage has both
      if (signal === "SIGTERM" && !isFullTier) this.skip();
      const run = Run.stage(at.home, call, WAIT);
      await container(run);
      run.signal(signal);
      const { code, stderr } = await run.ended;
      if (signal !== "SIGKILL") {
        assert.equal(code, 1, stderr);
        assertEvidence(evidenceFolder(stderr), "stage.log", "container.log");
      }
      await assertSurvived(`${signal} of kragle`, run);
    });
  }

  it("a disk that it fills", async function () {
    if (!canLoop()) this.skip();
    const work = join(at.home, "work");
    mkdirSync(work, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m,mode=755", "none", work]);
    try {
      const { code, stderr } = await Run.stage(at.home, call, FILL).ended;
      // the guard is first, or the program itself
      assert.match(stderr, /is full|No space left on device/);
      assert.match(stderr, /free space on that disk/);
      assert.equal(code, 3, stderr);
      assertEvidence(evidenceFolder(stderr), "stage.log");
      assert.deepEqual(readdirSync(work), []);
    } finally {
      execFileSync("umount", [work]);
    }
    await assertSurvived("disk is full");
  });

  it("too little free space, before it begins", async () => {
    call = callOf(2 ** 50);
    const { code, stderr } = await Run.stage(at.home, call, FINISH).ended;
    assert.equal(code, 3, stderr);
    assert.match(stderr, /has .+ free, the installation needs about 1024.0 TiB|1048576/);
    call = callOf(2 ** 20);
    await assertSurvived("too little free space from the start");
  });

  it("a container that is killed with root's files in it, where the caller is not root", async function () {
    if (process.getuid!() !== 0) this.skip();
    if (!isReachable(projectFolder)) {
      console.log("      skipped: the project lies in a folder that only its owner may enter");
      this.skip();
    }
    const owner = { uid: 10177, gid: statSync("/var/run/docker.sock").gid };
    execFileSync("chown", ["-R", `${owner.uid}:${owner.gid}`, at.home]);
    execFileSync("chmod", [
      "a+x",
      join(at.home, ".."),
      join(at.home, "../.."),
      join(at.home, "../../.."),
    ]);
    const run = Run.stage(at.home, call, WAIT, owner);
    await container(run);
    await run.killContainer(await run.container(at.store.id, stageKey(call.description)));
    const { code, stderr } = await run.ended;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /exit code 137/);
    await assertSurvived("container is killed", run, owner);
  });
});

/** Whether everybody may enter the folder and those above it. */
const isReachable = (folder: string): boolean =>
  (statSync(folder).mode & 0o1) !== 0 && (folder === "/" || isReachable(dirname(folder)));

type Owner = { readonly uid: number; readonly gid: number };
