import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { mock } from "node:test";

import { stageKey } from "../../plan/description";
import { CallError } from "../../plan/stages/call";
import { LockHeld } from "../../host/lock";
import { collectGarbage } from "../../store/gc";
import { FakeStage } from "../fakeStage";
import { TemporaryStore } from "../temporaryStore";
import { rootsOf } from "../stacks";
import { sha256 } from "../sha256";

describe("a stage", () => {
  let at: TemporaryStore;
  let stage: FakeStage;
  beforeEach(() => {
    at = new TemporaryStore();
    stage = new FakeStage(at);
  });
  afterEach(() => at.remove());

  const key = () => stageKey(at.describe());
  const rootsIn = async (stack: string) => [...(await rootsOf(at.home, stack).list())];

  it("runs when its result is not there, publishes it, and answers with what it is", async () => {
    const answer = await stage.start();
    const { publishedAt } = answer;
    assert.deepEqual(answer, {
      stage: "image",
      key: key(),
      publishedAt,
      result: { run: 1 },
      files: { "image.qcow2": { sha256: sha256("an image"), bytes: 8 } },
    });
    assert.deepEqual(stage.lines, ["» write the image", "a detail"]);
    const { folder, manifest } = await at.store.artifact("image", key());
    const { description, seconds } = manifest;
    assert.deepEqual(await rootsIn("dev"), [
      ["image", { stage: "image", key: key(), publishedAt, description, seconds }],
    ]);
    assert.deepEqual(manifest.description, at.describe());
    assert.deepEqual(
      manifest.phases.map(({ name }) => name),
      ["write the image"],
    );
    assert.match(
      readFileSync(join(folder, "logs/stage.log"), "utf8"),
      /^ +0\.\d » write the image\n +\d\.\d a detail\n$/,
    );
    assert.deepEqual(readdirSync(join(at.home, "work")), []);
    // paths of this machine would make the answer, and with it the state, differ from clone to clone
    assert.doesNotMatch(JSON.stringify(answer), /\/tmp|kragle st/);
  });

  for (const part of ["work", "failed", "trash", "store"]) {
    it(`does not work through a link in the place of ${part}, nor changes what it leads to`, async () => {
      const elsewhere = join(at.home, "../elsewhere");
      mkdirSync(join(elsewhere, `image-${key()}`), { recursive: true });
      chmodSync(elsewhere, 0o750);
      symlinkSync(elsewhere, join(at.home, part));
      await assert.rejects(stage.start(), new RegExp(`/${part} is no folder, or a link to one`));
      assert.deepEqual(readdirSync(elsewhere), [`image-${key()}`]);
      assert.equal(statSync(elsewhere).mode & 0o777, 0o750);
    });
  }

  it("does not run when it is there, in any stack, and makes it that stack's too", async () => {
    const first = await stage.start();
    assert.deepEqual(await stage.start(), first);
    assert.deepEqual(await stage.start({ stack: "prod" }), first);
    assert.deepEqual([stage.runs, stage.lines], [1, []]);
    assert.deepEqual(await rootsIn("prod"), await rootsIn("dev"));
  });

  it("does not run again for a request that is no part of its key", async () => {
    const first = await stage.start();
    assert.deepEqual(await stage.start({ request: { content: "something else" } }), first);
    assert.equal(stage.runs, 1);
  });

  it("runs again for another key, and for a damaged result", async () => {
    await stage.start();
    await stage.start({ variant: "b" });
    assert.equal(stage.runs, 2);
    const { folder } = await at.store.artifact("image", key());
    chmodSync(join(folder, "image.qcow2"), 0o644);
    writeFileSync(join(folder, "image.qcow2"), "an imagE");
    const { files } = await stage.start();
    assert.equal(stage.runs, 3);
    assert.equal(files["image.qcow2"]?.sha256, sha256("an image"));
  });

  it("is rebuilt by a marker, but only the one instance that it names", async () => {
    const first = await stage.start();
    const marker = `rebuild:${first.publishedAt}`;
    const second = await stage.start({ marker });
    assert.deepEqual([second.result, stage.runs], [{ run: 2 }, 2]);
    assert.notEqual(second.publishedAt, first.publishedAt);
    // the same update tried again, or the marker that stays in the state
    assert.deepEqual(await stage.start({ marker }), second);
    for (const other of [`lost:${second.publishedAt}`, "rebuild:", "rebuild", "", "absent:x"]) {
      assert.deepEqual(await stage.start({ marker: other }), second);
    }
    assert.equal(stage.runs, 2);
  });

  it("begins in an empty folder, whatever an interrupted run left there", async () => {
    at.work({ "image.qcow2": "half", "left.over": "x", "logs/stage.log": "of before" });
    stage.during = ({ work, logs }) => {
      assert.deepEqual(readdirSync(work).sort(), ["image.qcow2", "logs"]);
      assert.equal(logs, join(work, "logs"));
      assert.deepEqual(readdirSync(logs).sort(), ["run.json", "stage.log"]);
    };
    await stage.start();
    const { manifest } = await at.store.artifact("image", key());
    assert.deepEqual(
      manifest.files.map(({ path }) => path),
      ["image.qcow2"],
    );
  });

  it("gives containers of another user access to its folders, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      stage.during = ({ work, logs }) => {
        for (const folder of [work, logs]) assert.equal(statSync(folder).mode & 0o777, 0o755);
      };
      await stage.start();
    } finally {
      process.umask(before);
    }
  });

  it("hands secrets to its program only", async () => {
    let seen: unknown;
    stage.during = ({ secrets }) => (seen = secrets);
    const answer = await stage.start({ secrets: { password: "s3cr3t" } });
    assert.deepEqual(seen, { password: "s3cr3t" });
    assert.doesNotMatch(JSON.stringify([answer, stage.lines]), /s3cr3t/);
    const { folder } = await at.store.artifact("image", key());
    for (const name of ["manifest.json", "logs/stage.log", "image.qcow2"]) {
      assert.doesNotMatch(readFileSync(join(folder, name), "utf8"), /s3cr3t/);
    }
  });

  it("masks secrets in the paths that generalisation took away, which are released", async () => {
    const line = "deleted\tprivate\t/tmp/deploy-s3cr3t.sh\tscripts/app.sh\n";
    stage.during = ({ work }) => writeFileSync(join(work, "removed.tsv"), line);
    await stage.start({ secrets: { password: "s3cr3t" } });
    const { folder } = await at.store.artifact("image", key());
    assert.equal(
      readFileSync(join(folder, "removed.tsv"), "utf8"),
      line.replace("s3cr3t", "******"),
    );
  });

  it("is not started with a request that it does not take", async () => {
    await assert.rejects(stage.start({ request: { content: 5 } }), (error: Error) => {
      assert.ok(error instanceof CallError);
      assert.match(error.message, /\n {2}call\.request\.content: /);
      return true;
    });
    assert.equal(stage.runs, 0);
    assert.ok(!existsSync(join(at.home, "work")));
  });

  it("of one key runs once where two ask for it at the same time", async () => {
    let second: ReturnType<FakeStage["start"]> | undefined;
    stage.during = async () => {
      second = stage.start({ stack: "prod" });
      const { lines } = stage;
      while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.match(
        lines.join(),
        new RegExp(`^waiting: process ${process.pid} since \\S+ builds the same$`),
      );
    };
    const first = await stage.start();
    assert.deepEqual(await second, first);
    assert.equal(stage.runs, 1);
    assert.deepEqual(await rootsIn("prod"), await rootsIn("dev"));
  });

  it("of another key need not wait", async () => {
    stage.during = async ({ request }) => {
      if (request.content === "an image")
        await stage.start({ variant: "b", request: { content: "another" } });
    };
    await stage.start();
    assert.equal(stage.runs, 2);
  });

  it("speaks up when nothing was printed for 25 seconds, and names its phase", async () => {
    mock.timers.enable({ apis: ["setInterval", "Date"] });
    mock.method(performance, "now", () => Date.now());
    try {
      stage.during = () => {
        mock.timers.tick(24_999);
        assert.equal(stage.lines.at(-1), "a detail");
        mock.timers.tick(1);
        assert.equal(stage.lines.at(-1), "… write the image, 25 s so far");
        mock.timers.tick(50_000);
      };
      await stage.start();
      const { length } = stage.lines;
      mock.timers.tick(100_000);
      assert.equal(stage.lines.length, length);
    } finally {
      mock.reset();
    }
  });

  it("keeps garbage collection away while it runs, and no longer", async () => {
    stage.during = () => assert.rejects(collectGarbage(at.store, false), LockHeld);
    await stage.start();
    assert.deepEqual((await collectGarbage(at.store, false)).deleted, []);
  });
});
