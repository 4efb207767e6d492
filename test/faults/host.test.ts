import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import { Conversions } from "../docker/conversions";
import { canLoop, makeSmallDisk, type SmallDisk } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { isFullTier } from "../fullTier";
import { countFaults, survived } from "./figures";
import {
  assertEvidence,
  assertNothingHalf,
  assertNothingLeaked,
  evidenceFolder,
} from "./invariants";
import { Run } from "./run";

/** Ways in which a file goes bad. */
const DAMAGES: Record<string, (file: string) => void> = {
  deleted: (file) => rmSync(file),
  "cut short": (file) => truncateSync(file, Math.floor(statSync(file).size / 2)),
  "made longer": (file) => appendFileSync(file, "x"),
  emptied: (file) => truncateSync(file, 0),
  "altered in one byte": (file) => {
    const descriptor = openSync(file, "r+");
    writeSync(descriptor, "\0", Math.floor(statSync(file).size / 2));
    closeSync(descriptor);
    utimesSync(file, 1, 1);
  },
};

describe("a stage on a hostile host", function () {
  this.timeout(300_000);
  let disk: SmallDisk;
  let conversions: Conversions;
  let home: string;
  countFaults();

  before(async function () {
    disk = await makeSmallDisk(await toolsImage(this), 4);
  });
  beforeEach(async () => {
    conversions = new Conversions(disk.toolsImage);
    home = conversions.at.home;
    await conversions.publish(disk.path);
  });
  afterEach(() => conversions.at.remove());
  after(() => {
    if (disk) rmSync(disk.folder, { recursive: true });
  });

  const stage = (entry = "raw.zst") => Run.stage(home, conversions.call(entry));
  const folderOf = (entry = "raw.zst") =>
    conversions.at.store.folder("convert", stageKey(conversions.call(entry).description));

  async function assertSucceeds(entry?: string): Promise<void> {
    const ended = await stage(entry).ended;
    assert.equal(ended.code, 0, ended.stderr);
    await assertNothingLeaked(home);
  }

  it("makes an artifact again, whichever of its files was damaged, and however", async () => {
    await assertSucceeds();
    const names = readdirSync(folderOf()).filter((name) => name !== "logs");
    assert.deepEqual(names.sort(), ["kragle.raw.bmap", "kragle.raw.zst", "manifest.json"]);
    for (const name of names) {
      for (const [how, damage] of Object.entries(DAMAGES)) {
        if (!isFullTier && !["deleted", "altered in one byte"].includes(how)) continue;
        damage(join(folderOf(), name));
        await assertSucceeds();
        survived({ fault: "file of an artifact is damaged", where: `${name}` });
      }
    }
  });

  it("works under umask 077, and its artifacts can be read by the user of containers all the same", async () => {
    const before = process.umask(0o077);
    try {
      await assertSucceeds();
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(folderOf()).mode & 0o777, 0o755);
    for (const name of readdirSync(folderOf())) {
      if (name !== "logs") assert.equal(statSync(join(folderOf(), name)).mode & 0o777, 0o444, name);
    }
    survived({ fault: "umask 077, path with blanks and umlauts", where: "convert" });
  });

  /** Runs the stage while a folder of its store is a disk of its own. It must fail as for want of something, in words. */
  async function failOn(test: Mocha.Context, name: string, options: string, before?: () => void) {
    if (!canLoop()) test.skip();
    const folder = join(home, name);
    mkdirSync(folder, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", folder]);
    try {
      before?.();
      const { code, stderr } = await stage().ended;
      assert.doesNotMatch(stderr, / at .*\.ts:/);
      assert.equal(code, 3, stderr);
      return stderr;
    } finally {
      execFileSync("umount", [folder]);
    }
  }

  it("says that its folder is read-only", async function () {
    const stderr = await failOn(this, "work", "ro");
    assert.match(stderr, /work.*: the file system is read-only/);
    assert.match(stderr, /next: .*KRAGLE_HOME/);
    await assertSucceeds();
    survived({ fault: "work folder is read-only", where: "convert" });
  });

  it("says that its work folder lies on another disk", async function () {
    const stderr = await failOn(this, "work", "size=64m,mode=755");
    assert.match(stderr, /work.*: it lies on another disk/);
    assert.match(stderr, /next: .*on one disk/);
    await assertSucceeds();
    survived({ fault: "work folder on another disk", where: "convert" });
  });

  it("says that the disk is full when there is no space for a manifest", async function () {
    const fill = () => writeFileSync(join(home, "locks/full"), "");
    const stderr = await failOn(this, "locks", "size=4k,nr_inodes=2", fill);
    assert.match(stderr, /the disk is full/);
    await assertSucceeds();
    survived({ fault: "disk is full", where: "store" });
  });

  it("is done once by two runs at the same time, and both have it", async () => {
    const [one, two] = await Promise.all([stage().ended, stage().ended]);
    for (const { code, stderr } of [one, two]) assert.equal(code, 0, stderr);
    assert.equal(one.stdout, two.stdout);
    const waited = [one, two].filter(({ stderr }) => stderr.includes("builds the same"));
    assert.ok(waited.length <= 1);
    await assertNothingLeaked(home);
    survived({ fault: "two runs of one stack at once", where: "convert" });
  });

  it("is done by two stores at the same time without seeing each other", async () => {
    const other = new Conversions(disk.toolsImage);
    try {
      await other.publish(disk.path);
      const runs = [stage(), Run.stage(other.at.home, other.call("raw.zst"))];
      for (const { ended } of runs) assert.equal((await ended).code, 0, (await ended).stderr);
      await assertNothingLeaked(home);
      await assertNothingLeaked(other.at.home);
    } finally {
      other.at.remove();
    }
    survived({ fault: "two clones at once", where: "convert" });
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
    it(`leaves nothing after ${signal}, and finishes the next time`, async () => {
      const request = conversions.call("qcow2:compression=zlib");
      const run = Run.stage(home, request);
      await run.container(conversions.at.store.id, stageKey(request.description));
      run.signal(signal);
      const { code, stderr } = await run.ended;
      if (signal !== "SIGKILL") {
        assert.equal(code, 1, stderr);
        assert.match(stderr, /it was interrupted/);
        assertEvidence(evidenceFolder(stderr), "stage.log");
      }
      const secondsToClean = await assertNothingLeaked(home, { since: run.faultAt! });
      assert.equal(
        (await conversions.at.store.lookup("convert", stageKey(request.description))).state,
        "missing",
      );
      await assertSucceeds("qcow2:compression=zlib");
      await assertNothingHalf(home);
      survived({ fault: `${signal} of kragle`, where: "convert", secondsToClean });
    });
  }
});
