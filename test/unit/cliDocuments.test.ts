import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { displayPath } from "../../host/project";
import { stageKey } from "../../plan/description";
import { noteRun } from "../../run/runNote";
import { writeStackRecord } from "../../store/stackRecord";
import { type Ended, kragle } from "../kragle";
import { TemporaryStore } from "../temporaryStore";
import { ownerOf, rootsOf, stacksIn } from "../stacks";

/** The one JSON document on stdout. */
function document({ stdout }: Ended): unknown {
  assert.match(stdout, /^[^\n]+\n$/, "one line");
  return JSON.parse(stdout);
}

describe("the command line's answers", function () {
  this.timeout(60_000);
  let at: TemporaryStore;
  let output: string;
  beforeEach(() => {
    at = new TemporaryStore();
    output = mkdtempSync(join(tmpdir(), "kragle rëleased "));
  });
  afterEach(() => {
    at.remove();
    rmSync(output, { recursive: true });
  });

  const run = (...args: string[]) => kragle(at.home, args);

  async function release(): Promise<object> {
    writeFileSync(join(output, "packer-kragle-qcow2"), "an image");
    const outputs = { imagePath: join(output, "packer-kragle-qcow2"), imageBytes: 8, smoke: {} };
    const record = { engine: "embedded", outputs, finishedAt: "2026-11-01T00:00:00Z" } as const;
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), record);
    return outputs;
  }

  it("outputs: what was released, as JSON and as a table", async () => {
    const outputs = await release();
    const json = await run("outputs", "--json");
    assert.deepEqual([json.code, document(json), json.stderr], [0, outputs, ""]);
    const plain = await run("outputs", "-s", "dev");
    assert.equal(
      plain.stdout,
      `imagePath   ${output}/packer-kragle-qcow2\nimageBytes  8\nsmoke       {}\n`,
    );
  });

  it("outputs: of an image that is not there any more, told beside them", async () => {
    const outputs = await release();
    const told = async () => {
      const { code, stdout, stderr } = await run("outputs", "--json");
      assert.deepEqual([code, JSON.parse(stdout)], [0, outputs]);
      assert.match(
        stderr,
        /^warning: .*qcow2 is gone, or is not the .* any more; \.\/kragle up -s dev/,
      );
    };
    writeFileSync(join(output, "packer-kragle-qcow2"), "another image");
    await told();
    rmSync(join(output, "packer-kragle-qcow2"));
    await told();
  });

  it("outputs: nothing was released yet, and what to do", async () => {
    const message = "stack dev has not been released yet\n  next: ./kragle up -s dev";
    assert.deepEqual(await run("outputs"), { code: 1, stdout: "", stderr: `${message}\n` });
    assert.deepEqual(document(await run("outputs", "--json")), { error: message, exitCode: 1 });
  });

  it("report: where no browser opens, the page is named and the exit code tells", async () => {
    const reportPath = join(output, "report.html");
    writeFileSync(reportPath, "<p>");
    const record = {
      engine: "embedded",
      outputs: { reportPath },
      finishedAt: "2026-11-01T00:00:00Z",
    } as const;
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), record);
    const open = async (opener: string) => {
      writeFileSync(join(output, "xdg-open"), `#!/bin/sh\n${opener}\n`, { mode: 0o755 });
      const environment = { PATH: `${output}:${process.env.PATH}` };
      return kragle(at.home, ["report", "--open"], { environment });
    };
    assert.deepEqual(await open("exit 0"), { code: 0, stdout: `${reportPath}\n`, stderr: "" });
    const { code, stderr } = await open("exit 3 # no display");
    assert.equal(code, 3);
    assert.match(
      stderr,
      /no browser could be opened: xdg-open ended with exit code 3\n {2}next: open \/.*report\.html in one/,
    );
  });

  it("gc: what it deletes and what is kept", async () => {
    const [used, unused] = [await at.publish(), await at.publish({ x: "y" }, at.describe("b"))];
    await rootsOf(at.home, "gone").set("image", {
      stage: "image",
      key: used.key,
      publishedAt: used.manifest.publishedAt,
    });
    const dry = document(await run("gc", "--dry-run", "--json")) as { bytes: number };
    assert.deepEqual(dry, {
      deleted: [{ name: `store/image-${unused.key}`, bytes: dry.bytes }],
      bytes: dry.bytes,
      kept: { gone: 1 },
      unknownStacks: ["gone"],
      ...{ foreign: [], unreadable: [], failed: [] },
    });
    assert.ok(existsSync(unused.folder));
    const { stdout } = await run("gc");
    assert.match(
      stdout,
      /^store\/image-\w+ {2}\d+ KiB\n1 folder, \d+ KiB freed\nstack gone has no /,
    );
    assert.deepEqual([existsSync(unused.folder), existsSync(used.folder)], [false, true]);
  });

  it("gc: a stage is at work", async () => {
    const release = await at.place.lockStore({ shared: true });
    const { code, stderr } = await run("gc");
    assert.deepEqual(
      [code, stderr],
      [1, "another run holds the lock (holder unknown); try again later\n"],
    );
    await release();
  });

  it("destroy: the stack's roots and outputs, not what was released or built", async () => {
    await release();
    const { folder, key, manifest } = await at.publish();
    const root = { stage: "image", key, publishedAt: manifest.publishedAt };
    for (const stack of ["dev", "prod"]) await rootsOf(at.home, stack).set("image", root);
    const json = await run("destroy", "--json");
    assert.deepEqual(document(json), { stack: "dev", engine: "embedded", dropped: ["image"] });
    assert.deepEqual(await stacksIn(at.home), ["prod"]);
    const { stderr } = await run("outputs");
    const where = `its files lie in ${displayPath(output)}`;
    assert.match(stderr, /^stack dev was destroyed at 20\S+Z; /);
    assert.ok(stderr.endsWith(`; ${where}\n  next: ./kragle up -s dev\n`), stderr);
    assert.ok(existsSync(folder) && existsSync(join(output, "packer-kragle-qcow2")));
    const again = await run("destroy");
    assert.equal(again.stdout, "Stack dev used nothing; nothing was let go of.\n");
  });

  it("drop-root: lets one root go, twice if need be", async () => {
    const root = { stage: "image", key: "1", publishedAt: "x" };
    for (const name of ["image", "base"]) await rootsOf(at.home, "dev").set(name, root);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await run("drop-root", "dev", "image"), { code: 0, stdout: "", stderr: "" });
    }
    assert.deepEqual([...(await rootsOf(at.home, "dev").list()).keys()], ["base"]);
  });

  it("drop-root: the points of a build that failed go with the base on which they lie", async () => {
    const roots = rootsOf(at.home, "dev");
    for (const name of ["points", "base"]) {
      await roots.set(name, { stage: "image", key: "1", publishedAt: "x" });
    }
    await run("drop-root", "dev", "base");
    assert.deepEqual(await stacksIn(at.home), []);
  });

  it("logs: what cannot be listed is not called nothing", async () => {
    writeFileSync(join(at.home, "failed"), "");
    const { code, stdout, stderr } = await run("logs");
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(stderr, /failed: something else stands where a folder belongs\n {2}next: /);
  });

  it("logs: none yet; of a finished stage; of one that failed", async () => {
    assert.deepEqual((await run("logs")).stdout, "no stage of this stack has run yet\n");
    const { key, manifest, folder } = await at.publish({
      x: "",
      "logs/stage.log": "  0.1 hello\n",
    });
    const root = { stage: "image", key, publishedAt: manifest.publishedAt };
    await rootsOf(at.home, "dev").set("image", root);
    assert.equal((await run("logs", "image")).stdout, "  0.1 hello\n");
    const logs = join(folder, "logs");
    const finished = { stage: "image", state: "finished", folder: logs, at: root.publishedAt };
    assert.deepEqual(document(await run("logs", "--json")), [finished]);
    const fail = async (variant: string, whose: object, failedAt: string) => {
      const failed = at.place.failedFolder("image", stageKey(at.describe(variant)));
      const owner = { ...ownerOf(at.home, "dev"), ...whose };
      await noteRun(failed, owner, { root: "image", startedAt: "2026-11-29T04", failedAt });
      writeFileSync(join(failed, "stage.log"), `  0.2 ${variant}\n`);
      return { stage: "image", state: "failed", folder: failed, at: failedAt };
    };
    const later = await fail("b", {}, "2026-11-29T05:00:01.000Z");
    const earlier = await fail("c", {}, "2026-11-29T04:59:00.000Z");
    await fail("d", { stack: "prod" }, "2026-11-29T06:00:00.000Z");
    await fail("e", { clone: "another" }, "2026-11-29T06:00:00.000Z");
    mkdirSync(at.place.failedFolder("image", "f".repeat(64)), { recursive: true });
    assert.deepEqual(document(await run("logs", "--json")), [finished, earlier, later]);
    const json = document(await run("logs", "image", "--json"));
    assert.deepEqual(json, { ...later, text: "  0.2 b\n" });
    assert.match(
      (await run("logs")).stdout,
      /^image {2}failed {2}2026-11-29 05:00:01 UTC {2}.*failed\/image-/m,
    );
    rmSync(join(later.folder, "stage.log"));
    const without = await run("logs", "image");
    assert.deepEqual([without.code, without.stdout], [1, ""]);
    assert.match(without.stderr, /^stage image has no log in .*failed\/image-/);
    const unknown = await run("logs", "smoke");
    assert.deepEqual(
      [unknown.code, unknown.stderr],
      [2, "there is no log of stage smoke\n  next: of stages there are image\n"],
    );
  });
});
