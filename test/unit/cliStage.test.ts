import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import { Roots } from "../../store/roots";
import { kragle } from "../kragle";
import { TemporaryStore } from "../temporaryStore";

describe("kragle stage", function () {
  this.timeout(60_000);
  let at: TemporaryStore;
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  const settings = {
    toolsImage: "kragle-tools:1",
    image: { key: "1", sha256: "2" },
    format: "raw",
    options: {},
    fileName: "kragle.raw",
    timeoutSeconds: 60,
  };
  const description = () => at.describe("a", "convert");
  const request = (change: object = {}) =>
    JSON.stringify({
      stack: "dev",
      root: "convert-raw",
      description: description(),
      settings,
      ...change,
    });
  const run = (name: string, input: string, environment: Record<string, string> = {}) =>
    kragle(at.home, ["stage", name], { input, environment });

  it("answers from the store with one line, and keeps the result for the stack", async () => {
    const { key, manifest } = await at.publish({ "kragle.raw": "raw" }, description());
    const { code, stdout, stderr } = await run("convert", request(), {
      KRAGLE_KEY: key,
      KRAGLE_SECRET_PASSWORD: "hunter2",
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^\{[^\n]*\}\n$/);
    assert.deepEqual(JSON.parse(stdout), {
      stage: "convert",
      key,
      publishedAt: manifest.publishedAt,
      result: { size: 8 },
      files: { "kragle.raw": { bytes: 3, sha256: manifest.files[0]!.sha256 } },
    });
    assert.deepEqual([...(await new Roots(at.home).list("dev")).keys()], ["convert-raw"]);
  });

  it("refuses a description that is not the one whose key the resource has", async () => {
    await at.publish({ "kragle.raw": "raw" }, description());
    const answer = await run("convert", request(), { KRAGLE_KEY: "0".repeat(64) });
    assert.deepEqual(answer, {
      code: 1,
      stdout: "",
      stderr: "✗ the description on stdin does not have the key in KRAGLE_KEY\n",
    });
    assert.equal(existsSync(join(at.home, "roots")), false);
  });

  it("refuses a stage that is not there, also by names that every object has", async () => {
    for (const name of ["builder", "constructor", "__proto__"]) {
      const { code, stdout, stderr } = await run(name, request());
      assert.deepEqual([code, stdout, stderr], [1, "", `✗ there is no stage "${name}"\n`]);
    }
  });

  it("refuses a description of another stage than the one that is run", async () => {
    const other = at.describe("a", "smoke");
    await at.publish({ x: "y" }, other);
    const { code, stdout } = await run("convert", request({ description: other }));
    assert.deepEqual([code, stdout], [1, ""]);
  });

  it("fails in marked lines, with the way to its logs, when what it needs is not there", async () => {
    const { code, stdout, stderr } = await run("convert", request());
    assert.deepEqual([code, stdout], [1, ""]);
    const failure = stderr.split("\n").filter((line) => line.startsWith("✗ "));
    const missing =
      "the result of stage image is not in the store; run the command again to rebuild it";
    assert.ok(failure[0]?.includes(missing), stderr);
    const folder = join("failed", `convert-${stageKey(description())}`);
    assert.ok(stderr.includes(folder) && existsSync(join(at.home, folder)), stderr);
  });

  it("says that Docker does not answer, and publishes nothing", async () => {
    const { key, manifest } = await at.publish({ "image.qcow2": "x" });
    const image = { key, sha256: manifest.files[0]!.sha256 };
    const { code, stderr } = await run("convert", request({ settings: { ...settings, image } }));
    assert.equal(code, 3);
    assert.match(stderr, /^✗ convert: Docker cannot be reached at \/nowhere\/docker\.sock/m);
    assert.equal(await at.state(description()), "missing");
  });
});
