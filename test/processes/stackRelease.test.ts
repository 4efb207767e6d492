import assert from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";

import type { ImageOutputs } from "../../plan/outputs";
import { BuiltClones } from "../builtClones";
import { type Clone, jsonOf } from "../clone";
import { sha256 } from "../sha256";

/** What of a stage's row in a preview is looked at. */
interface Row {
  readonly stage: string;
  readonly status: string;
  readonly reasons: readonly string[];
  readonly notes?: readonly string[];
}

/** Real processes: a stack whose image is made on what another stack has released. */
describe("a stack on the release of another one", function () {
  this.timeout(300_000);
  const built = new BuiltClones();
  let clone: Clone;
  before(async () => {
    await built.open();
    await built.addImageOnRelease();
    await built.addImages([{ cpus: 3 }]);
  });
  after(() => built.close());
  beforeEach(() => {
    clone = built.make();
    built.addStack(clone, "base");
    built.addStack(clone, "role", { from: { stack: "base" } });
  });

  const run = (line: string) => built.kragle(clone, line.split(" "));
  const succeeds = (line: string, environment = {}) => built.succeeds(clone, line, environment);

  async function fails(line: string, exitCode: number, words: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run(line);
    assert.match(stderr, words, stdout);
    assert.equal(code, exitCode, stderr);
  }

  const up = (stack: string, environment = {}) =>
    succeeds(`up -s ${stack} --engine embedded`, environment);

  async function rows(): Promise<ReadonlyMap<string, Row>> {
    const text = await succeeds("preview -s role --engine embedded --json");
    const { stages } = JSON.parse(text) as { stages: Row[] };
    return new Map(stages.map((row) => [row.stage, row]));
  }

  it("is refused while that has none, before anything is asked of a builder", async () => {
    const words = /stack base was never released\n {2}next: \.\/kragle up -s base releases it here/;
    for (const verb of ["preview", "up"])
      await fails(`${verb} -s role --engine embedded`, 3, words);
    const { stdout } = await run("doctor -s role");
    assert.match(stdout, /^missing +Release to begin with +stack base was never released$/m);
    await up("base");
    assert.match(
      (await run("doctor -s role")).stdout,
      /^ok +Release to begin with +made on the release of stack base: /m,
    );
  });

  it("has no base of its own, and is released on that image", async () => {
    await up("base");
    const before = await rows();
    assert.ok(!before.has("base"));
    const digest = sha256("an image").slice(0, 12);
    const [note] = before.get("image")!.notes!;
    assert.ok(note!.startsWith(`made on the release of stack base: ${digest}, of `), note);
    await up("role");
    const { imageSha256 } = jsonOf<ImageOutputs>(await run("outputs -s role --json"));
    assert.equal(imageSha256, sha256("an image on that release"));
    const text = readFileSync(clone.path("build/role/output/provenance.json"), "utf8");
    assert.match(text, /"root": "image below 1"/);
    assert.match(await succeeds("preview -s role"), /^image +unchanged\n +made on the release of/m);
    await succeeds("verify -s role");
  });

  it("tells a new release there as the reason here, and keeps what it stands on meanwhile", async () => {
    await up("base");
    await up("role");
    built.addStack(clone, "base", { cpus: 3 });
    await up("base");
    const [before, after] = ["an image", "image 0"].map((text) => sha256(text).slice(0, 12));
    const { status, reasons } = (await rows()).get("image")!;
    assert.equal(status, "will run");
    assert.deepEqual(reasons, [`release of stack base changed: ${before} → ${after}`]);
    const images = () =>
      readdirSync(clone.path(".kragle/store")).filter((name) => name.startsWith("image-"));
    const all = images();
    assert.equal(all.length, 3);
    await succeeds("gc");
    assert.deepEqual(images(), all);
  });

  it("is refused where that is not whole, or let go of", async () => {
    await up("base");
    appendFileSync(clone.path("build/base/output/packer-kragle-qcow2"), "x");
    await fails(
      "preview -s role",
      3,
      /the release of stack base is damaged: build\/base\/output\//,
    );
    await up("base");
    assert.ok((await rows()).has("image"));
    rmSync(clone.path("build/base/output/manifest.json"));
    await fails("preview -s role", 3, /next: \.\/kragle up -s base makes it whole/);
    await up("base");
    await succeeds("destroy -s base");
    await fails(
      "preview -s role",
      3,
      /stack base was destroyed at .*\n {2}next: \.\/kragle up -s b/,
    );
  });

  it("keeps that from being destroyed, as long as it stands on it", async () => {
    await up("base");
    await up("role");
    const words =
      /^the release of stack base is not let go of: stack role stands on it\n {2}next: \.\/kragle destroy -s role; or let/;
    await fails("destroy -s base", 2, words);
    assert.equal((await rows()).get("image")!.status, "unchanged");
    await succeeds("destroy -s role");
    await succeeds("destroy -s base");
  });

  it("keeps of several images the one from being destroyed on which it stands", async () => {
    built.addStack(clone, "base", { images: { web: {}, db: { imageName: "db.qcow2" } } });
    await up("base");
    built.addStack(clone, "role", { images: { one: { from: { stack: "base", image: "web" } } } });
    await up("role");
    await succeeds("destroy db -s base");
    const words =
      /^the release of image web of stack base is not let go of: image one of stack role stands on it\n {2}next: \.\/kragle destroy one -s role;/;
    await fails("destroy web -s base", 2, words);
    await fails("destroy -s base", 2, words);
    // what is to be made on it another time holds nothing
    await succeeds("destroy one -s role");
    await succeeds("destroy web -s base");
  });

  it("is not on that of the same name on another backend", async () => {
    const other = { PULUMI_BACKEND_URL: `file://${clone.path("elsewhere")}` };
    await up("base", other);
    assert.ok(existsSync(clone.path("build/base/output/manifest.json")));
    await fails(
      "preview -s role --engine embedded",
      3,
      /no release on the backend of kragle's own; the one of that name on the backend file:\/\/.*elsewhere is/,
    );
  });

  it("is on one of several images by its name", async () => {
    built.addStack(clone, "base", { images: { web: {}, db: { imageName: "db.qcow2" } } });
    await up("base");
    await fails("preview -s role", 2, /stack base has several images: db, web\n {2}next: name the/);
    const images = { one: { from: { stack: "base", image: "web" } }, two: {} };
    built.addStack(clone, "role", { images });
    const row = (await rows()).get("one.image")!;
    assert.match(row.notes!.join(), /^made on the release of image web of stack base: /);
    await up("role");
    const far = { from: { stack: "base", image: "webb" } };
    built.addStack(clone, "role", { images: { one: far, two: { from: { stack: "nothing" } } } });
    await fails(
      "preview -s role",
      2,
      /image one: stack base has released no image "webb"; it has db, web\n *image two: there is no stack nothing here[^]*did you mean web\?/,
    );
  });
});
