import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { StageFailure } from "../../host/failure";
import { claimHome } from "../../host/home";
import { requireOwnFolder } from "../../release/owner";
import { verifyRelease } from "../../release/verify/release";
import { writeStackRecord } from "../../store/stackRecord";
import { FakeStage } from "../fakeStage";
import { isFullTier } from "../fullTier";
import { kragle } from "../kragle";
import { gcOnFullDisk } from "../ownMounts";
import { ReleasePlace } from "../releasePlace";
import { ownerOf, rootsOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";
import { countFaults, survived } from "./figures";
import { assertNothingHalf } from "./invariants";

/** Every small file that kragle keeps, and every folder that may be somebody else's, by real processes and without Docker. */
describe("a small file that is torn, and what is not kragle's", function () {
  this.timeout(300_000);
  let at: TemporaryStore;
  countFaults();
  beforeEach(() => (at = new TemporaryStore()));
  afterEach(() => at.remove());

  async function run(line: string, home = at.home) {
    const { code, stderr } = await kragle(home, line.split(" "));
    assert.doesNotMatch(stderr, /a bug here|\n +at /, `${line}: ${stderr}`);
    return { code, stderr };
  }

  /** A stack with a result, a record and whatever else a run leaves. @returns where the files lie, by their kind */
  async function used(): Promise<Record<string, string>> {
    const stage = new FakeStage(at);
    await stage.start();
    const owner = ownerOf(at.home, "dev");
    const outputs = { imagePath: "/nowhere/image", imageSha256: "0".repeat(64) };
    await writeStackRecord(at.home, owner, {
      ...{ engine: "embedded", outputs, finishedAt: "2026-11-01T00:00:00Z" },
    });
    const note = join(at.home, "verified", "a".repeat(64));
    const refused = join(at.home, "refused/dev/smoke");
    for (const file of [note, refused]) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, "b".repeat(64));
    }
    const only = (folder: string, ending: string) =>
      join(
        folder,
        readdirSync(folder).find((name) => name.endsWith(ending))!,
      );
    const roots = only(join(at.home, "roots"), "");
    return {
      "mark of the home": join(at.home, "kragle-home.json"),
      "id of the home": join(at.home, "id"),
      root: join(roots, "image"),
      "owner of roots": join(roots, ".owner.json"),
      "record of a stack": only(join(at.home, "stacks"), ".json"),
      "manifest of an artifact": join(only(join(at.home, "store"), ""), "manifest.json"),
      "note on a verified file": note,
      "note of a refusal": refused,
      lock: join(at.home, "locks/store"),
    };
  }

  const TEARS: Record<string, (file: string) => void> = {
    "is cut": (file) =>
      writeFileSync(file, readFileSync(file).subarray(0, statSync(file).size / 2)),
    "is empty": (file) => writeFileSync(file, ""),
    "holds zeroes": (file) => writeFileSync(file, Buffer.alloc(4096)),
    "is null": (file) => writeFileSync(file, "null\n"),
    "is a folder": (file) => {
      rmSync(file);
      mkdirSync(file);
    },
    "is a link to nowhere": (file) => {
      rmSync(file);
      symlinkSync("/nowhere/at all", file);
    },
  };
  const KINDS = [
    ...["mark of the home", "id of the home", "root", "owner of roots", "record of a stack"],
    ...["manifest of an artifact", "note on a verified file", "note of a refusal", "lock"],
  ];
  for (const kind of KINDS) {
    for (const [what, tear] of Object.entries(TEARS)) {
      it(`${kind} that ${what} stops nothing for good`, async function () {
        // the lighter half of them in every run
        if (!isFullTier && !["is cut", "is a folder"].includes(what)) this.skip();
        const file = (await used())[kind]!;
        chmodSync(dirname(file), 0o755);
        if (lstatSync(file).isFile()) chmodSync(file, 0o644);
        tear(file);
        const isTorn = !["is a folder", "is a link to nowhere"].includes(what);
        for (const line of ["outputs --json", "gc --json", "logs"]) {
          const { code, stderr } = await run(line);
          // what is no file may be named as somebody else's again and again; what is torn is mended or put aside
          assert.ok(code !== null && code <= 3, `${line}: ${code}`);
          if (code !== 0) assert.match(stderr, /next: |has not been|no outputs|left alone/, stderr);
        }
        if (!isTorn) rmSync(file, { recursive: true });
        // the stack's next run goes on as ever
        const { result } = await new FakeStage(at).start();
        assert.deepEqual(result, { run: 1 });
        await assertNothingHalf(at.home);
        assert.equal((await rootsOf(at.home, "dev").list()).size, 1);
        assert.equal((await run("gc --json")).code, 0);
        survived({ fault: `small file ${what}`, where: kind });
      });
    }
  }

  for (const line of [
    "gc",
    "outputs -s dev",
    "destroy -s dev",
    "up -s dev",
    "write -s dev x.raw",
  ]) {
    it(`a foreign home is refused by ${line.split(" ")[0]}, untouched`, async () => {
      const home = join(at.home, "../somebody");
      mkdirSync(join(home, "store/photos"), { recursive: true });
      writeFileSync(join(home, "store/photos/a"), "x");
      const { code, stderr } = await run(line, home);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /KRAGLE_HOME names .*which is not empty/);
      assert.deepEqual(
        readdirSync(home, { recursive: true }).toSorted((a, b) => (a < b ? -1 : 1)),
        [...["store", "store/photos", "store/photos/a"]],
      );
      survived({ fault: "home is somebody else's", where: line.split(" ")[0]! });
    });
  }

  it("gc makes room on a full disk", async function () {
    await at.publish({ "image.qcow2": "x".repeat(1_000_000) });
    const said = gcOnFullDisk(this, at.home);
    assert.match(said, /\n1 folder, \d+ KiB freed\n$/);
    survived({ fault: "disk is full", where: "gc" });
  });

  for (const hours of [2, -48]) {
    it(`the clock jumps by ${hours} h while a stage runs`, async () => {
      const real = Date.now;
      const stage = new FakeStage(at);
      stage.during = () => (Date.now = () => real() + hours * 3_600_000);
      try {
        await stage.start();
      } finally {
        Date.now = real;
      }
      const [manifest] = await at.store.manifests("image");
      assert.ok(manifest && manifest.seconds >= 0 && manifest.seconds < 60, `${manifest?.seconds}`);
      survived({ fault: "clock jumps", where: "every stage" });
    });
  }

  describe("in PATH/output", () => {
    let place: ReleasePlace;
    let victim: string;
    beforeEach(async () => {
      place = new ReleasePlace();
      await place.open();
      victim = join(place.at.home, "../victim");
      mkdirSync(victim);
      writeFileSync(join(victim, "thesis"), "x");
      await place.release("an image");
    });
    afterEach(async () => {
      assert.deepEqual(readdirSync(victim), ["thesis"]);
      await place.close();
    });
    const refused = async (words: RegExp) => {
      await assert.rejects(place.release("another image"), words);
      assert.equal(place.read("packer-kragle-qcow2"), "an image");
    };

    const RELEASED = [
      ...[".owner.json", "manifest.json", "SHA256SUMS", "provenance.json", "report.html"],
      ...["evidence/check/packages.json", "packer-kragle-qcow2"],
    ];
    for (const name of RELEASED) {
      for (const [what, tear] of Object.entries(TEARS)) {
        it(`${name} that ${what} does not stop the next release`, async function () {
          if (!isFullTier && name !== ".owner.json") this.skip();
          chmodSync(place.inOutput(name), 0o644);
          tear(place.inOutput(name));
          const again = () => place.release("another image");
          const error = await again().then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          if (error) {
            // somebody else's, which is named, and left
            assert.ok(error instanceof StageFailure, String((error as Error).stack));
            assert.match(error.message, new RegExp(name.split("/").at(-1)!));
            assert.ok(what.includes("folder") || what.includes("link"), error.message);
            rmSync(place.inOutput(name), { recursive: true });
            await again();
          }
          assert.deepEqual(await verifyRelease(place.output, undefined).then((v) => v.good), true);
          survived({ fault: `small file ${what}`, where: `released ${name}` });
        });
      }
    }

    it("a link in a folder's place is not followed", async () => {
      rmSync(place.inOutput("evidence"), { recursive: true });
      symlinkSync(victim, place.inOutput("evidence"));
      await refused(/evidence is a link; nothing is written/);
      survived({ fault: "link in the released folder", where: "release" });
    });

    it("a link in a file's place is replaced, not what it leads to", async () => {
      rmSync(place.inOutput("kragle.raw"));
      symlinkSync(join(victim, "thesis"), place.inOutput("kragle.raw"));
      await place.release("another image");
      assert.ok(lstatSync(place.inOutput("kragle.raw")).isFile());
      assert.equal(readFileSync(join(victim, "thesis"), "utf8"), "x");
      survived({ fault: "link in the released folder", where: "release" });
    });

    it("a folder in a file's place is refused while all is as it was", async () => {
      rmSync(place.inOutput("report.html"));
      mkdirSync(place.inOutput("report.html"));
      await refused(/report.html is a folder/);
      survived({ fault: "folder in a file's place", where: "release" });
    });

    it("somebody's own files are not replaced", async () => {
      rmSync(place.inOutput(".owner.json"));
      rmSync(place.inOutput("manifest.json"));
      writeFileSync(place.inOutput("report.html"), "mine");
      await refused(/files that a release would replace/);
      assert.equal(place.read("report.html"), "mine");
      survived({ fault: "somebody's own files", where: "release" });
    });

    it("another stack's release stays", async () => {
      const prod = ownerOf(place.at.home, "prod");
      const attempt = requireOwnFolder(place.at.home, place.output, prod);
      await assert.rejects(attempt, /belongs to stack dev/);
      assert.ok(existsSync(place.inOutput("manifest.json")));
      survived({ fault: "folder of another stack", where: "release" });
    });
  });

  it("a home that was never used is none to delete from", async () => {
    const home = join(at.home, "../new");
    assert.equal((await run("gc", home)).code, 0);
    assert.ok(!existsSync(home));
    claimHome(home);
    assert.equal((await run("gc", home)).code, 0);
  });
});
