import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { releasedFiles } from "../../release/files";
import { FakeStage } from "../fakeStage";
import { TemporaryStore } from "../temporaryStore";

/** What scripts might print, and nobody else is to see. */
const PRINTED = "what a script printed";

describe("another user of this machine", () => {
  let at: TemporaryStore;
  let stage: FakeStage;
  beforeEach(() => {
    at = new TemporaryStore();
    stage = new FakeStage(at);
    chmodSync(resolve(at.home, "../../.."), 0o755); // temporary folders are private, clones are not
    stage.during = ({ work, logs }) => {
      mkdirSync(join(logs, "pictures"));
      for (const name of ["logs/scripts.log", "logs/pictures/a.png", "serial.txt"]) {
        writeFileSync(join(work, name), PRINTED);
        chmodSync(join(work, name), 0o666);
      }
    };
  });
  afterEach(() => at.remove());

  /** The files below the home that a user without rights or groups can read. */
  function readable(): string[] {
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "find", at.home];
    const command = [...nobody, "-type", "f", "-readable", "-printf", "%P\\n"];
    try {
      return execFileSync("setpriv", command, { stdio: "pipe", encoding: "utf8" }).split("\n");
    } catch (error) {
      return (error as { stdout: string }).stdout.split("\n"); // folders that it may not enter
    }
  }

  it("reads no log of a stage that runs, has failed or is done, nor what was thrown away", async function () {
    if (process.getuid!() !== 0) return this.skip();
    const lay = stage.during;
    let meanwhile: string[] = [];
    stage.during = (context) => {
      lay(context);
      meanwhile = readable();
    };
    await stage.start({ variant: "done" });
    stage.during = (context) => {
      lay(context);
      throw new Error("no");
    };
    await assert.rejects(stage.start({ variant: "failed" }));
    await at.place.provide("trash");
    writeFileSync(join(at.home, "trash/scripts.log"), PRINTED);
    for (const name of [...meanwhile, ...readable()]) {
      assert.doesNotMatch(name, /^(work|failed|trash|bundles)\/|\/logs\//);
    }
  });

  it("reads nothing of the store, which has an image before that is searched for secrets", async function () {
    if (process.getuid!() !== 0) return this.skip();
    mkdirSync(join(at.home, "store"), { mode: 0o755 }); // as an earlier kragle made it
    const { key } = await stage.start({ variant: "done" });
    assert.ok(readable().includes("kragle-home.json"));
    assert.deepEqual(
      readable().filter((name) => name.startsWith("store/")),
      [],
    );
    // containers see the folder itself, under another user
    const folder = at.store.folder("image", key);
    assert.equal(statSync(folder).mode & 0o777, 0o755);
    assert.equal(statSync(join(folder, "image.qcow2")).mode & 0o777, 0o444);
  });

  it("finds logs and evidence of a failure with modes for their owner alone, wherever they are moved", async () => {
    const modes = (folder: string, names: string[]) =>
      names.map((name) => (statSync(join(folder, name)).mode & 0o777).toString(8));
    const { key } = await stage.start({ variant: "done" });
    const logs = join(at.store.folder("image", key), "logs");
    const names = [".", "pictures", "scripts.log", "pictures/a.png"];
    assert.deepEqual(modes(logs, names), ["700", "700", "600", "600"]);
    const lay = stage.during;
    stage.during = (context) => {
      lay(context);
      throw new Error("no");
    };
    await assert.rejects(stage.start({ variant: "a" }));
    const kept = at.place.failedFolder("image", at.manifest().key);
    assert.deepEqual(modes(kept, names), ["700", "700", "600", "600"]);
    assert.equal(readFileSync(join(kept, "scripts.log"), "utf8"), PRINTED);
  });

  it("gets no log with a release: its evidence is what stages leave beside their logs", async () => {
    const image = await at.publish({
      "image.qcow2": "x",
      "removed.tsv": "",
      "logs/stage.log": PRINTED,
    });
    const checked = await at.publish(
      { "check.json": "{}", "logs/container.log": PRINTED },
      at.describe("a", "check"),
    );
    const names = releasedFiles([image, "web.qcow2"], [], [checked]).map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => name.startsWith("evidence/")),
      ["evidence/image/removed.tsv", "evidence/check/check.json"],
    );
  });
});
