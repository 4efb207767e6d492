import assert from "node:assert/strict";
import { join } from "node:path";

import { projectFolder } from "../../host/project";
import { invocationOf } from "../../plan/invocation";
import type { base } from "../../plan/stages/base";
import type { StageCall } from "../../plan/stages/call";
import type { release } from "../../plan/stages/release";
import { answer, RELEASED, runProgram } from "../devProgram";
import { type Registered, requestOf, UNKNOWN } from "../mocks";
import { sampleSha256 } from "../samples";
import { TemporaryStore } from "../temporaryStore";
import { stacksIn } from "../stacks";

const COMMAND = "command:local:Command";
const IMAGE = "docker:index/image:Image";

const keyOf = ({ inputs }: Registered) => invocationOf(String(inputs.create))?.key;

/** What the stack dev consists of, sorted. */
const DEV = [
  `${COMMAND} base < build`,
  `${COMMAND} check < qcow2`,
  `${COMMAND} convert-raw < convert-raw`,
  `${COMMAND} docker-base < builder`,
  `${COMMAND} hand-image < builder`,
  `${COMMAND} image < build`,
  `${COMMAND} release < release`,
  `${COMMAND} smoke < smoke`,
  `${IMAGE} builder < builder`,
  "kragle:index:BuildRun build < image",
  "kragle:index:BuilderImage builder < ",
  "kragle:index:Conversion convert-raw < image",
  "kragle:index:GoldenImage image < ",
  "kragle:index:Qcow2Artifact qcow2 < image",
  "kragle:index:Release release < image",
  "kragle:index:SmokeDomain smoke < image",
];

const OUTPUTS = [
  ...["accelerator", "buildId", "builderImageId", "conversions", "imageBytes", "imageId"],
  ...[
    "imagePath",
    "imageSha256",
    "imageVersion",
    "imageVirtualBytes",
    "key",
    "manifestPath",
    "reportPath",
    "smoke",
  ],
];

describe("the program of the stack dev", function () {
  this.timeout(30_000);
  let at: TemporaryStore;
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  it("registers these resources and gives these outputs", async () => {
    const { list, value } = await runProgram(at);
    assert.deepEqual(list.toSorted(), DEV);
    assert.deepEqual(Object.keys(value!).sort(), OUTPUTS);
    // what the release stage tells beside the outputs
    const beside = ["tools", "files", "packages", "signer", "releasedAt", "sizes"];
    const released = Object.fromEntries(
      Object.entries(RELEASED).filter(([name]) => !beside.includes(name)),
    );
    const absolute = (path: string) => join(projectFolder, path);
    assert.deepEqual(value, {
      ...released,
      imagePath: absolute(RELEASED.imagePath),
      manifestPath: absolute(RELEASED.manifestPath),
      reportPath: absolute(RELEASED.reportPath),
      conversions: {
        raw: { ...RELEASED.conversions.raw, path: absolute(RELEASED.conversions.raw.path) },
      },
    });
  });

  it("copies the release to each place of the setting publish, after the release", async () => {
    const settings = { publish: [{ folder: "/srv/images", keep: 2 }] };
    const { value, find, resources } = await runProgram(at, { settings });
    const { name } = resources.find(({ type }) => type === "kragle:index:Publication")!;
    const publish = find(name);
    assert.equal(invocationOf(String(publish.inputs.create))!.stage, "publish");
    assert.deepEqual(publish.dependsOn, ["image", "release"]);
    const { description, request, root } = requestOf(publish) as {
      root: string;
      request: object;
      description: { inputs: object; upstream: { release: string } };
    };
    assert.equal(root, name);
    const { inputs, upstream } = description;
    assert.deepEqual(inputs, { destination: { folder: "/srv/images" }, files: [] });
    assert.equal(upstream.release, keyOf(find("release")));
    assert.deepEqual(request, { series: `dev-${name}`, keep: 2 });
    assert.deepEqual(Object.keys((value as { publications: object }).publications), [
      name.replace("publish-", ""),
    ]);
  });

  it("registers the same in a preview of a machine where nothing was ever built", async () => {
    const { list, value, find } = await runProgram(at, { preview: true });
    assert.deepEqual(list.toSorted(), DEV);
    assert.equal(value, undefined);
    for (const name of ["check", "convert-raw", "smoke", "release"]) {
      assert.equal(find(name).inputs.stdin, UNKNOWN, name);
    }
    for (const name of ["base", "image"]) {
      assert.match(String(find(name).inputs.stdin), /^\{"project":"kragle","stack":"dev",/, name);
    }
  });

  it("releases after check, every conversion and the boot", async () => {
    const formats = ["raw", "vmdk", { format: "qcow2", compression: "zstd" }];
    const settings = { formats, imageName: "web.qcow2" };
    const { find } = await runProgram(at, { settings });
    const { dependsOn, inputs } = find("release");
    assert.deepEqual(dependsOn.toSorted(), [
      ...["check", "convert-qcow2-zstd", "convert-raw", "convert-vmdk", "image", "smoke"],
    ]);
    const { request, description } = JSON.parse(String(inputs.stdin)) as StageCall<typeof release>;
    assert.deepEqual(request.conversions, [
      { name: "raw", format: "raw", stored: "kragle.raw", fileName: "web.raw" },
      { name: "vmdk", format: "vmdk", stored: "kragle.vmdk", fileName: "web.vmdk" },
      {
        ...{ name: "qcow2-zstd", format: "qcow2" },
        ...{ stored: "kragle.zstd.qcow2", fileName: "web.zstd.qcow2" },
      },
    ]);
    assert.deepEqual(request.steps, []);
    assert.deepEqual(request.changed, ["imageName", "formats"]);
    assert.deepEqual(description.upstream, {
      imageSha256: sampleSha256,
      check: keyOf(find("check")),
      smoke: keyOf(find("smoke")),
      "convert raw": keyOf(find("convert-raw")),
      "convert vmdk": keyOf(find("convert-vmdk")),
      "convert qcow2-zstd": keyOf(find("convert-qcow2-zstd")),
    });
  });

  it("has no boot and no conversions where the settings have none", async () => {
    const { list, find } = await runProgram(at, { settings: { formats: [], smoke: "none" } });
    assert.deepEqual(
      list.toSorted(),
      DEV.filter((line) => !/convert-raw|smoke/.test(line)),
    );
    const { request, description } = requestOf(find("release")) as unknown as StageCall<
      typeof release
    >;
    assert.deepEqual(request.conversions, []);
    assert.deepEqual(Object.keys(description.upstream).sort(), ["check", "imageSha256"]);
  });

  it("builds no Docker image where a ready one is named", async () => {
    const builderImage = "registry.example/kragle@sha256:1";
    const { list, find } = await runProgram(at, { settings: { builderImage } });
    assert.deepEqual(
      list.toSorted(),
      DEV.filter((line) => !/^docker:|docker-base|hand-image/.test(line)),
    );
    const { request } = requestOf(find("base")) as unknown as StageCall<typeof base>;
    assert.equal(request.toolsImage, builderImage);
  });

  it("releases nothing where a proof failed", async function () {
    this.test!.expectRejections = true;
    const made: string[] = [];
    const run = runProgram(at, {
      outputs: (resource) => {
        if (resource.type !== COMMAND) return {};
        if (resource.name === "smoke") throw new Error("no login prompt");
        made.push(resource.name);
        return answer(resource);
      },
    });
    await assert.rejects(run, /no login prompt/);
    assert.ok(made.includes("image"));
    assert.ok(!made.includes("release"));
  });

  it("gives every stage the key of its own description", async () => {
    const { resources } = await runProgram(at);
    const keys = resources.flatMap((resource) => keyOf(resource) ?? []);
    // six stages, and the image for use by hand
    assert.equal(new Set(keys).size, 7);
    for (const key of keys) assert.match(key, /^[0-9a-f]{64}$/);
  });

  it("puts no path of this machine into any input, so that every clone has the same state", async () => {
    const { resources } = await runProgram(at);
    const text = JSON.stringify(resources.map(({ inputs }) => inputs));
    for (const path of [projectFolder, at.home, process.env.HOME!, process.cwd()]) {
      assert.ok(!text.includes(path), path);
    }
  });

  it("refuses wrong settings before it registers anything", async () => {
    const made: string[] = [];
    await assert.rejects(
      runProgram(at, {
        settings: { diskSize: "4", kernel: "x" },
        outputs: ({ name }) => ({ made: made.push(name) }),
      }),
      (error: Error & { __pulumiRunError?: true }) =>
        error.__pulumiRunError === true &&
        error.message.startsWith("2 settings are wrong:\n  kragle:"),
    );
    assert.deepEqual(made, []);
  });

  it("changes nothing in the store by itself", async () => {
    await runProgram(at);
    assert.deepEqual(await stacksIn(at.home), []);
    assert.equal((await at.store.manifests("image")).length, 0);
  });
});
