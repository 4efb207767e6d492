import assert from "node:assert/strict";
import { lchownSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";

import { BuiltClones } from "../builtClones";
import type { Clone } from "../clone";

/** Real processes: places of results of which one lies in the other, and what is said when a run fails after its release. */
describe("places of results", function () {
  this.timeout(300_000);
  const built = new BuiltClones();
  let clone: Clone;
  before(async () => {
    await built.open();
    clone = built.make();
    assert.equal((await run("up -s dev --engine embedded")).code, 0);
  });
  after(() => built.close());

  const run = (line: string) => built.kragle(clone, line.split(" "));

  const nested: Readonly<Record<string, [Readonly<Record<string, unknown>>, RegExp]>> = {
    "in the store": [
      { path: ".kragle/store" },
      /\.kragle\/store\/output lies in \.kragle, where kragle keeps its store/,
    ],
    "in another stack's release": [
      { path: "build/dev/output/evidence" },
      /evidence\/output lies in the release of stack dev at build\/dev\/output/,
    ],
    "around another stack's release": [
      { path: "around" },
      /around\/output cannot be a release: stack inner releases in it/,
    ],
    "a publication in one's own release": [
      { publish: [{ folder: "build/x/output/versions" }] },
      /output\/versions lies in the release at build\/x\/output/,
    ],
    "two publications in one place": [
      { publish: [{ folder: "copies" }, { folder: "./copies/" }] },
      /copies\/? is named twice/,
    ],
    "a publication in the very folder of one's own release": [
      { publish: [{ folder: "build/x/output" }] },
      /build\/x\/output lies in the release at build\/x\/output/,
    ],
    "a publication in another's release": [
      { publish: [{ folder: "build/dev/output" }] },
      /build\/dev\/output lies in the release of stack dev/,
    ],
  };
  for (const [what, [settings, words]] of Object.entries(nested)) {
    it(`are refused: ${what}`, async () => {
      if (what.startsWith("around")) {
        built.addStack(clone, "inner", { path: "around/output/inner" });
        assert.equal((await run("up -s inner --engine embedded")).code, 0);
      }
      built.addStack(clone, "x", settings);
      for (const verb of ["preview", "up"]) {
        const { code, stderr } = await run(`${verb} -s x --engine embedded`);
        assert.match(stderr, words);
        assert.equal(code, 2);
      }
      const doctor = await run("doctor -s x --json");
      assert.equal(doctor.code, 2, doctor.stdout);
      assert.match(JSON.stringify(JSON.parse(doctor.stdout)), /Places of results/);
    });
  }

  it("are nothing to write to, neither for another clone", async () => {
    const other = built.make();
    assert.equal((await built.kragle(other, ["up", "-s", "dev", "--engine", "embedded"])).code, 0);
    for (const name of ["packer-kragle-qcow2", "new.raw", "evidence/new.raw"]) {
      const target = clone.path("build/dev/output", name);
      const { code, stderr } = await built.kragle(other, ["write", "-s", "dev", target]);
      assert.match(stderr, /is refused:\n {2}it lies in the release of stack dev at \S/);
      assert.equal(code, 2);
    }
  });

  it("a copy is nothing to write to, for a clone with a home of its own", async () => {
    built.addStack(clone, "shared", { publish: [{ folder: "shared copies" }] });
    assert.equal((await run("up -s shared --engine embedded")).code, 0);
    const [version] = readdirSync(clone.path("shared copies"));
    const other = built.make();
    assert.equal((await built.kragle(other, ["up", "-s", "dev", "--engine", "embedded"])).code, 0);
    const target = clone.path("shared copies", version!, "new.raw");
    const { code, stderr } = await built.kragle(other, ["write", "-s", "dev", target]);
    assert.match(stderr, /is refused:\n {2}it lies in the release at \S/);
    assert.equal(code, 2);
  });

  it("a version that is another user's stays, and is not said to be deleted", async function () {
    if (process.getuid!() !== 0) this.skip();
    const settings = (imageName: string) => ({
      ...{ publish: [{ folder: "versions", keep: 1 }], imageName },
    });
    const names = ["a", "b", "c"];
    for (const name of names) {
      built.addStack(clone, "kept", settings(name));
      assert.equal((await run("up -s kept --engine embedded")).code, 0);
      const [oldest] = readdirSync(clone.path("versions")).sort();
      lchownSync(clone.path("versions", oldest!), 65534, 65534);
    }
    assert.equal(readdirSync(clone.path("versions")).length, names.length);
    const { stdout } = await run("logs -s kept");
    const [publish] = /^publish-\S+/m.exec(stdout)!;
    const log = (await run(`logs ${publish} -s kept`)).stdout;
    assert.match(log, /kept-\S+ was left: it is another user's$/m);
    assert.doesNotMatch(log, /^ *[\d.]* *deleted /m);
  });

  it("a copy that fails after the release: nobody says that the image is untouched", async function () {
    if (process.getuid!() !== 0) this.skip();
    const folder = clone.path("copies");
    mkdirSync(`${folder} of all`);
    symlinkSync(`${folder} of all`, folder);
    const settings = (files: string[]) => ({ publish: [{ folder: "copies", files }] });
    built.addStack(clone, "copied", settings([]));
    assert.equal((await run("up -s copied --engine embedded")).code, 0);
    // through somebody else's link nothing is written
    lchownSync(folder, 65534, 65534);
    built.addStack(clone, "copied", settings(["packer-kragle-qcow2"]));
    const failed = await run("up -s copied --rebuild release --engine embedded");
    assert.equal(failed.code, 2, failed.stderr);
    assert.match(failed.stderr, /is a link that another user made/);
    assert.match(failed.stderr, /output\/packer-kragle-qcow2 was replaced by this run/);
    assert.doesNotMatch(failed.stderr, /untouched/);
  });
});
