import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { stageKey } from "../../plan/description";
import { EXIT, StageFailure } from "../../host/failure";
import { displayPath } from "../../host/project";
import { noteOf } from "../../run/runNote";
import { collectGarbage } from "../../store/gc";
import { FakeStage } from "../fakeStage";
import { TemporaryStore } from "../temporaryStore";
import { ownerOf, rootsOf } from "../stacks";

describe("a stage that fails", () => {
  let at: TemporaryStore;
  let stage: FakeStage;
  let kept: string;
  beforeEach(() => {
    at = new TemporaryStore();
    stage = new FakeStage(at);
    kept = at.place.failedFolder("image", stageKey(at.describe()));
  });
  afterEach(() => at.remove());

  /** The failure of the next run. */
  async function failure(options: Parameters<FakeStage["start"]>[0] = {}): Promise<StageFailure> {
    const error = await stage.start(options).then(
      () => assert.fail("the stage did not fail"),
      (reason: Error) => reason,
    );
    assert.ok(error instanceof StageFailure, error.stack);
    return error;
  }

  const failWith = (error: unknown, files: Record<string, string> = {}) => {
    stage.during = ({ work }) => {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(work, name)), { recursive: true });
        writeFileSync(join(work, name), content);
      }
      throw error;
    };
  };

  it("says so in its own words, where its logs are, and what to do", async () => {
    failWith(
      new StageFailure("script 50-1-app.sh failed\nE: no such package", { hint: "mend it" }),
    );
    const error = await failure();
    assert.equal(
      error.message,
      [
        "image: script 50-1-app.sh failed",
        "E: no such package",
        `  logs: ${displayPath(kept)}`,
        "  next: mend it",
      ].join("\n"),
    );
    assert.equal(error.details.exitCode, EXIT.failed);
  });

  it("names logs by where they are now, and no file that is not there", async () => {
    const text = "its last lines: …\nall of it: logs/scripts.log; its screen: logs/screen.png";
    failWith(new StageFailure(text), { "logs/scripts.log": "all" });
    const { message } = await failure();
    assert.ok(
      message.includes(`all of it: ${displayPath(join(kept, "scripts.log"))}; its`),
      message,
    );
    assert.match(message, /its screen: logs\/screen\.png\n/);
  });

  it("passes on that the machine lacks something", async () => {
    failWith(new StageFailure("no room", { exitCode: EXIT.lacking }));
    assert.equal((await failure()).details.exitCode, 3);
  });

  it("by a bug shows where, and counts as a failure", async () => {
    failWith(new TypeError("x is not a function"));
    const error = await failure();
    assert.match(
      error.message,
      /^image: TypeError: x is not a function\n +at .*stageFailure\.test\.ts/,
    );
    assert.equal(error.details.exitCode, EXIT.failed);
    failWith("a text");
    assert.match((await failure()).message, /^image: Error: a text\n/);
  });

  it("leaves nothing under the final name, no root, no lock and no work", async () => {
    failWith(new StageFailure("no"));
    await failure();
    assert.equal(await at.state(), "missing");
    assert.deepEqual(readdirSync(join(at.home, "store")), []);
    assert.deepEqual(readdirSync(join(at.home, "work")), []);
    assert.equal((await rootsOf(at.home, "dev").list()).size, 0);
    await collectGarbage(at.store, false);
  });

  it("keeps its logs and the evidence that it names, and nothing else", async () => {
    const evidence = ["screen.png", "logs/packer.log", "deep/er/serial.txt", "not-there"];
    failWith(new StageFailure("no", { evidence }), {
      "screen.png": "PNG",
      "logs/packer.log": "packer says",
      "deep/er/serial.txt": "boot",
      "huge.qcow2": "x",
    });
    await failure();
    const files = ["packer.log", "run.json", "screen.png", "serial.txt", "stage.log"];
    assert.deepEqual(readdirSync(kept).sort(), files);
    assert.equal(readFileSync(join(kept, "serial.txt"), "utf8"), "boot");
    assert.match(readFileSync(join(kept, "stage.log"), "utf8"), /» write the image\n.* a detail\n/);
  });

  it("keeps the evidence of its last failure, until it succeeds", async () => {
    failWith(new StageFailure("no"), { "logs/first.log": "1" });
    await failure();
    failWith(new StageFailure("no"), { "logs/second.log": "2" });
    await failure();
    assert.deepEqual(readdirSync(kept).sort(), ["run.json", "second.log", "stage.log"]);
    const owner = ownerOf(at.home, "dev");
    const { root, startedAt, failedAt } = (await noteOf(kept, owner))!;
    assert.ok(root === "image" && startedAt <= failedAt!);
    for (const other of [{ stack: "prod" }, { clone: "another" }, { backend: "file:///x" }]) {
      assert.equal(await noteOf(kept, { ...owner, ...other }), undefined);
    }
    stage.during = () => undefined;
    const { key } = await stage.start();
    assert.deepEqual(readdirSync(join(at.store.folder("image", key), "logs")), ["stage.log"]);
    assert.ok(!existsSync(kept));
  });

  it("in a rebuild leaves the result of before, and the stack's hold on it", async () => {
    const first = await stage.start();
    failWith(new StageFailure("no"));
    await failure({ marker: `rebuild:${first.publishedAt}` });
    assert.equal(await at.state(), "present");
    assert.deepEqual(await stage.start(), first);
  });

  it("runs again the next time", async () => {
    failWith(new StageFailure("no"));
    await failure();
    stage.during = () => undefined;
    assert.deepEqual((await stage.start()).result, { run: 2 });
  });

  it("for whoever waits for the same lets that one try", async () => {
    let second: ReturnType<FakeStage["start"]> | undefined;
    stage.during = async () => {
      if (second) return;
      second = stage.start({ stack: "prod" });
      while (stage.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      throw new StageFailure("no");
    };
    await failure();
    assert.deepEqual((await second!).result, { run: 2 });
  });

  it("because its folder vanished says so all the same", async () => {
    failWith(new StageFailure("the words"));
    const before = stage.during;
    stage.during = (context) => {
      rmSync(context.work, { recursive: true });
      return before(context);
    };
    assert.match((await failure()).message, /^image: the words\n/);
  });

  it("is not even begun once it was interrupted", async () => {
    const stop = new AbortController();
    const release = await at.place.lockStage("image", stageKey(at.describe()), {});
    const waiting = failure({ signal: stop.signal });
    while (stage.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await release();
    assert.match((await waiting).message, /interrupted/);
    assert.equal(stage.runs, 0);
  });
});
