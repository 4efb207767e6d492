import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Executor, Task } from "../../executors/executor";
import { contentDigest, readContent } from "../../host/fileDigest";
import { programsFolder } from "../../host/project";
import { PROGRAMS } from "../../plan/programs";
import { bundlesFolder } from "../../store/bundles";
import { planned, plannedPrograms, programsOf } from "../../run/task";
import { FakeStage } from "../fakeStage";
import { TemporaryStore } from "../temporaryStore";

describe("what a stage asks of its executor", () => {
  let at: TemporaryStore;
  let stage: FakeStage;
  /** What the executor was told, in that order. */
  let told: (Task | string)[];
  beforeEach(() => {
    at = new TemporaryStore();
    stage = new FakeStage(at);
    told = [];
  });
  afterEach(() => at.remove());

  /** Runs no container, but notes what it was told. */
  const executor: Executor = {
    probe: () => Promise.resolve({ accelerator: "tcg", reason: "a test" }),
    inspect: () => Promise.resolve(undefined),
    run(task) {
      told.push(task);
      task.onLine("a line");
      return Promise.resolve({ exitCode: 0, tail: ["a line"] });
    },
    end(storeId, key) {
      told.push(`end ${storeId} ${key}`);
      return Promise.resolve();
    },
  };
  const common = {
    ...({ image: "tools", run: ["true"], user: "builder", network: "none" } as const),
    ...{ settings: {}, deadlineSeconds: 1 },
  };

  it("is located on this machine: artifacts, bundles, files, results and caches", async () => {
    const artifact = await at.publish({ "disk.qcow2": "x" }, at.describe("base", "base"));
    const script = join(at.home, "script.sh");
    writeFileSync(script, "#!/bin/sh\n", { mode: 0o755 });
    const digests = { "50-a.sh": contentDigest(readContent(script)) };
    stage.during = ({ container }) =>
      container({
        ...common,
        programs: programsOf("check"),
        artifacts: { "/base": artifact },
        bundles: { "/scripts": planned(digests, () => script) },
        files: { "/iso": "/somewhere/dvd.iso" },
        results: { "/result": ".", "/logs": "logs" },
        caches: { "/cache": "iso" },
      });
    const { key } = await stage.start({ executor });

    const [ended, task] = told as [string, Task];
    const work = join(at.home, "work", `image-${key}`);
    assert.equal(ended, `end ${at.store.id} ${key}`);
    const [base, scripts, iso] = task.inputs!;
    assert.deepEqual([base!.at, base!.path], ["/base", artifact.folder]);
    assert.deepEqual([scripts!.at, readdirSync(scripts!.path)], ["/scripts", ["50-a.sh"]]);
    assert.deepEqual(iso, { at: "/iso", path: "/somewhere/dvd.iso", foreign: true });
    assert.deepEqual(task.outputs, [
      { at: "/result", path: work },
      { at: "/logs", path: join(work, "logs") },
      { at: "/cache", path: join(at.home, "iso") },
    ]);
    const names = PROGRAMS.check.map((name) => name.slice(name.lastIndexOf("/") + 1));
    assert.deepEqual(readdirSync(task.programs).sort(), names.sort());
    assert.equal(join(task.programs, ".."), bundlesFolder(at.home));
  });

  it("ends what an earlier run left, once, before the first container", async () => {
    stage.during = async ({ container }) => {
      for (let i = 0; i < 2; i++) await container({ ...common, programs: programsOf("command") });
    };
    await stage.start({ executor });
    assert.deepEqual(
      told.map((what) => (typeof what === "string" ? "end" : "run")),
      ["end", "run", "run"],
    );
  });

  it("is told to the user where the container has the privileges of the host", async () => {
    stage.during = ({ container }) =>
      container({ ...common, user: "privileged", programs: programsOf("command") });
    await stage.start({ executor });
    assert.match(stage.lines.join("\n"), /^privileged: .* can take over this host$/m);
  });

  it("asks for no container where the stage needs none", async () => {
    await stage.start({ executor });
    assert.deepEqual(told, []);
  });

  it("is refused where a program is another one than was planned", async () => {
    stage.during = ({ container }) =>
      container({ ...common, programs: plannedPrograms({ "common/lifeline.py": "0".repeat(64) }) });
    await assert.rejects(
      stage.start({ executor }),
      /lifeline\.py was changed after this run had been planned/,
    );
    assert.deepEqual(
      told.filter((what) => typeof what !== "string"),
      [],
    );
  });

  it("takes programs as they are in the checkout", async () => {
    stage.during = ({ container }) => container({ ...common, programs: programsOf("command") });
    await stage.start({ executor });
    const { programs } = told[1] as Task;
    assert.equal(
      readFileSync(join(programs, "lifeline.py"), "utf8"),
      readFileSync(join(programsFolder, "common/lifeline.py"), "utf8"),
    );
  });

  it("is run in the image that the name stands for, and the run notes which that was", async () => {
    const layers = ["sha256:aa", "sha256:bb"];
    const ids = ["sha256:first", "sha256:second"];
    const moving: Executor = {
      ...executor,
      // the name is given to another image with each question
      inspect: (reference) =>
        Promise.resolve(reference === "tools" ? { id: ids.shift()!, layers } : undefined),
    };
    const task = { ...common, programs: programsOf("command") };
    stage.during = async ({ container }) => {
      await container(task);
      await container(task);
    };
    const { key } = await stage.start({ executor: moving });
    const ran = told.flatMap((one) => (typeof one === "string" ? [] : one.image));
    assert.deepEqual(ran, ["sha256:first", "sha256:second"]);
    const { manifest } = await at.store.artifact("image", key);
    assert.deepEqual(manifest.madeBy?.containers, [
      { reference: "tools", id: "sha256:first", layers },
      { reference: "tools", id: "sha256:second", layers },
    ]);
    assert.match(manifest.madeBy.kragle.version, /^\d+\.\d+\.\d+$/);
    assert.match(manifest.madeBy.owner!, /^[0-9a-f]{12}$/);
  });
});
