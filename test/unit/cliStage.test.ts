import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import type { RequestOf } from "../../plan/stages/contract";
import type { convert } from "../../plan/stages/convert";
import { kragle } from "../kragle";
import { convertCall, IMAGE_RESULT, smokeCall } from "../sampleCalls";
import { digest } from "../samples";
import { TemporaryStore } from "../temporaryStore";
import { rootsOf } from "../stacks";

/** What is said of a call that does not fit: which fields, and what to do. */
const refusal = (...problems: string[]) =>
  [
    "the call of stage convert is not one that this kragle understands:",
    ...problems.map((problem) => `  ${problem}`),
    '  next: run "./kragle up" (or "pulumi up"), which writes the call anew',
  ]
    .map((line) => `✗ ${line}\n`)
    .join("");

describe("kragle stage", function () {
  this.timeout(60_000);
  let at: TemporaryStore;
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  const call = (change: Partial<RequestOf<typeof convert>> = {}) =>
    convertCall(
      digest("2"),
      "convert-raw",
      { format: "raw", options: {} },
      {
        ...{ toolsImage: "kragle-tools:1", imageKey: digest("1") },
        ...{ fileName: "kragle.raw", timeoutSeconds: 60 },
        ...change,
      },
    );
  const { description } = call();
  const request = (change: object = {}) => JSON.stringify({ ...call(), ...change });
  const run = (name: string, input: string, key?: string, environment = {}) =>
    kragle(at.home, ["stage", name, ...(key ? [key] : [])], { input, environment });

  it("answers from the store with one line, and keeps the result for the stack", async () => {
    const result = { format: "raw", file: "kragle.raw" };
    const { key, manifest } = await at.publish({ "kragle.raw": "raw" }, description, { result });
    const { code, stdout, stderr } = await run("convert", request(), key, {
      KRAGLE_SECRET_PASSWORD: "hunter2",
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^\{[^\n]*\}\n$/);
    assert.deepEqual(JSON.parse(stdout), {
      stage: "convert",
      key,
      publishedAt: manifest.publishedAt,
      result,
      files: { "kragle.raw": { bytes: 3, sha256: manifest.files[0]!.sha256 } },
    });
    assert.deepEqual([...(await rootsOf(at.home, "test").list()).keys()], ["convert-raw"]);
  });

  it("refuses a description that is not the one whose key the resource has", async () => {
    await at.publish({ "kragle.raw": "raw" }, description);
    const answer = await run("convert", request(), "0".repeat(64));
    assert.deepEqual(answer, {
      code: 2,
      stdout: "",
      stderr: refusal(`the description does not have the key ${"0".repeat(64)}`),
    });
    assert.equal(existsSync(join(at.home, "roots")), false);
  });

  it("refuses a stage that is not there, also by names that every object has", async () => {
    for (const name of ["builder", "constructor", "__proto__"]) {
      const { code, stdout, stderr } = await run(name, request());
      const names = "base, image, check, convert, smoke, release, publish";
      const said = `✗ there is no stage "${name}"; there are ${names}\n`;
      assert.deepEqual([code, stdout, stderr], [2, "", said]);
    }
  });

  it("refuses a call that does not fit, by the name of each field, without a stack trace", async () => {
    const { imageKey, fileName, ...rest } = call().request;
    const misspelt = { ...rest, imageKey, filename: fileName };
    const { inputs } = description;
    const { format: _, ...inputsWithout } = inputs;
    const cases: readonly (readonly [string, ...string[]])[] = [
      [
        request({ request: misspelt }),
        "call.request.fileName: Invalid input: expected string, received undefined",
        'call.request: Unrecognized key: "filename"',
      ],
      [
        request({ request: { ...rest, fileName } }),
        "call.request.imageKey: Invalid input: expected string, received undefined",
      ],
      [
        request({ description: { ...description, inputs: inputsWithout } }),
        "call.description.inputs.format: Invalid input: expected string, received undefined",
      ],
      [
        request({ description: { ...description, version: 2 } }),
        "call.description.version: Invalid input: expected 1",
      ],
      [request({ settings: {} }), 'call: Unrecognized key: "settings"'],
      [
        "{}",
        ...["project", "stack", "root"].map(
          (name) => `call.${name}: Invalid input: expected string, received undefined`,
        ),
        ...["description", "request"].map(
          (name) => `call.${name}: Invalid input: expected object, received undefined`,
        ),
      ],
      ["null", "call: Invalid input: expected object, received null"],
      ["", "stdin is to hold one line of JSON: Unexpected end of JSON input"],
      ["no", "stdin is to hold one line of JSON: Unexpected token 'o', \"no\" is not valid JSON"],
      [
        request({ stack: "\ud800" }),
        "stdin is to hold one line of JSON: stack has half of a surrogate pair, which is no text",
      ],
      [
        "[".repeat(100_000) + "]".repeat(100_000),
        "stdin is to hold one line of JSON: it is nested too deeply",
      ],
    ];
    for (const [input, ...problems] of cases) {
      const ended = await run("convert", input);
      assert.deepEqual(ended, { code: 2, stdout: "", stderr: refusal(...problems) }, input);
    }
    assert.deepEqual(
      [existsSync(join(at.home, "roots")), existsSync(join(at.home, "work"))],
      [...[false, false]],
    );
  });

  it("refuses a question that does not fit, in the same words", async () => {
    const { code, stdout, stderr } = await run("domain-type", '{"url": "qemu:///system"}');
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^✗ the call of stage domain-type is not one/);
    assert.match(stderr, /^✗ {3}request\.uri: .*received undefined$/m);
    assert.match(stderr, /^✗ {3}request: Unrecognized key: "url"$/m);
    assert.match(stderr, /^✗ {3}next: run ".\/kragle up"/m);
    assert.doesNotMatch(stderr, /^✗ +at /m);
  });

  it("refuses a description of another stage than the one that is run", async () => {
    const other = smokeCall(digest("2"), {
      ...{ toolsImage: "kragle-tools:1", imageKey: digest("1"), diskBytes: 1 },
    }).description;
    await at.publish({ x: "y" }, other);
    const { code, stdout, stderr } = await run("convert", request({ description: other }));
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^✗ {3}call\.description\.stage: .*"convert"$/m);
  });

  it("fails in marked lines, with the way to its logs, when what it needs is not there", async () => {
    const { code, stdout, stderr } = await run("convert", request());
    assert.deepEqual([code, stdout], [1, ""]);
    const failure = stderr.split("\n").filter((line) => line.startsWith("✗ "));
    const missing =
      "the result of stage image is not in the store; run the command again to rebuild it";
    assert.ok(failure[0]?.includes(missing), stderr);
    const folder = join("failed", `convert-${stageKey(description)}`);
    assert.ok(stderr.includes(folder) && existsSync(join(at.home, folder)), stderr);
  });

  it("says that Docker does not answer, and publishes nothing", async () => {
    const image = await at.publish({ "image.qcow2": "x" }, undefined, { result: IMAGE_RESULT });
    const { sha256 } = image.manifest.files[0]!;
    const ofImage = convertCall(
      sha256,
      "convert-raw",
      { format: "raw", options: {} },
      {
        ...call().request,
        imageKey: image.key,
      },
    );
    const { code, stderr } = await run("convert", JSON.stringify(ofImage));
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^✗ convert: Docker cannot be reached at \/nowhere\/docker\.sock/m);
    assert.equal(await at.state(ofImage.description), "missing");
  });
});
