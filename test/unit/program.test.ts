import assert from "node:assert/strict";
import { join } from "node:path";

import { Roots } from "../../store/roots";
import { projectFolder } from "../../host/project";
import { answer, RELEASED, runProgram } from "../devProgram";
import { requestOf, UNKNOWN } from "../mocks";
import { sampleSha256 } from "../samples";
import { TemporaryStore } from "../temporaryStore";

const COMMAND = "command:local:Command";
const IMAGE = "docker:index/image:Image";

/** What the stack dev consists of, sorted. */
const DEV = [
  `${COMMAND} build-base < build`,
  `${COMMAND} build-image < build`,
  `${COMMAND} builder-base-image < builder`,
  `${COMMAND} convert-raw < convert-raw`,
  `${COMMAND} qcow2-check < qcow2`,
  `${COMMAND} release-files < release`,
  `${COMMAND} smoke-boot < smoke`,
  `${IMAGE} builder-kragle < builder`,
  `${IMAGE} builder-tools < builder`,
  "kragle:index:BuildRun build < ",
  "kragle:index:BuilderImage builder < ",
  "kragle:index:Conversion convert-raw < ",
  "kragle:index:Qcow2Artifact qcow2 < ",
  "kragle:index:Release release < ",
  "kragle:index:SmokeDomain smoke < ",
];

const OUTPUTS = [
  ...["accelerator", "builderImageId", "conversions", "imageBytes", "imagePath", "imageSha256"],
  ...["imageVirtualBytes", "key", "manifestPath", "reportPath", "smoke"],
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
    const { tools: _, files: __, ...released } = RELEASED;
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
    assert.equal(publish.inputs.create, "exec ./kragle stage publish");
    assert.deepEqual(publish.dependsOn, ["build-image", "release-files"]);
    const {
      description,
      settings: given,
      root,
    } = requestOf(publish) as {
      root: string;
      settings: object;
      description: { inputs: object; upstream: { release: string } };
    };
    assert.equal(root, name);
    const { inputs, upstream } = description;
    assert.deepEqual(inputs, { destination: { folder: "/srv/images" }, files: [] });
    assert.equal(
      upstream.release,
      (find("release-files").inputs.environment as { KRAGLE_KEY: string }).KRAGLE_KEY,
    );
    assert.deepEqual(given, {
      series: `dev-${name}`,
      releaseKey: upstream.release,
      files: [],
      destination: { folder: "/srv/images" },
      keep: 2,
    });
    assert.deepEqual(Object.keys((value as { publications: object }).publications), [
      name.replace("publish-", ""),
    ]);
  });

  it("registers the same in a preview of a machine where nothing was ever built", async () => {
    const { list, value, find } = await runProgram(at, { preview: true });
    assert.deepEqual(list.toSorted(), DEV);
    assert.equal(value, undefined);
    for (const name of ["qcow2-check", "convert-raw", "smoke-boot", "release-files"]) {
      assert.equal(find(name).inputs.stdin, UNKNOWN, name);
    }
    for (const name of ["build-base", "build-image"]) {
      assert.match(String(find(name).inputs.stdin), /^\{"stack":"dev",/, name);
    }
  });

  it("releases after check, every conversion and the boot", async () => {
    const formats = ["raw", "vmdk", { format: "qcow2", compression: "zstd" }];
    const { find } = await runProgram(at, { settings: { formats } });
    const { dependsOn, inputs } = find("release-files");
    assert.deepEqual(dependsOn.toSorted(), [
      ...["build-image", "convert-qcow2-zstd", "convert-raw", "convert-vmdk"],
      ...["qcow2-check", "smoke-boot"],
    ]);
    const { settings, description } = JSON.parse(String(inputs.stdin)) as {
      settings: {
        conversions: { name: string; key: string }[];
        checkKey: string;
        smokeKey: string;
      };
      description: { upstream: Record<string, string> };
    };
    const keyOf = (name: string) =>
      (find(name).inputs.environment as Record<string, string>).KRAGLE_KEY;
    assert.deepEqual(
      settings.conversions.map(({ name, key }) => [name, key]),
      ["raw", "vmdk", "qcow2-zstd"].map((name) => [name, keyOf(`convert-${name}`)]),
    );
    assert.equal(settings.checkKey, keyOf("qcow2-check"));
    assert.equal(settings.smokeKey, keyOf("smoke-boot"));
    assert.deepEqual(description.upstream, {
      imageSha256: sampleSha256,
      check: settings.checkKey,
      smoke: settings.smokeKey,
      ...Object.fromEntries(settings.conversions.map(({ name, key }) => [`convert ${name}`, key])),
    });
  });

  it("has no boot and no conversions where the settings have none", async () => {
    const { list, find } = await runProgram(at, { settings: { formats: [], smoke: "none" } });
    assert.deepEqual(
      list.toSorted(),
      DEV.filter((line) => !/convert-raw|smoke/.test(line)),
    );
    const { settings } = requestOf(find("release-files")) as { settings: object };
    assert.deepEqual({ ...settings }, { ...settings, smokeKey: null, conversions: [] });
  });

  it("builds no Docker image where a ready one is named", async () => {
    const builderImage = "registry.example/kragle@sha256:1";
    const { list, find } = await runProgram(at, { settings: { builderImage } });
    assert.deepEqual(
      list.toSorted(),
      DEV.filter((line) => !/builder-/.test(line)),
    );
    const { settings } = requestOf(find("build-base")) as { settings: Record<string, unknown> };
    assert.equal(settings.toolsImage, builderImage);
  });

  it("releases nothing where a proof failed", async function () {
    this.test!.expectRejections = true;
    const made: string[] = [];
    const run = runProgram(at, {
      outputs: (resource) => {
        if (resource.name === "smoke-boot") throw new Error("no login prompt");
        made.push(resource.name);
        return answer(resource);
      },
    });
    await assert.rejects(run, /no login prompt/);
    assert.ok(made.includes("build-image"));
    assert.ok(!made.includes("release-files"));
  });

  it("gives every stage the key of its own description", async () => {
    const { resources } = await runProgram(at);
    const keys = resources.flatMap(({ inputs }) => {
      const { KRAGLE_KEY } = (inputs.environment ?? {}) as Record<string, string>;
      return KRAGLE_KEY === undefined ? [] : [KRAGLE_KEY];
    });
    assert.equal(new Set(keys).size, 6);
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
    assert.deepEqual(await new Roots(at.home).stacks(), []);
    assert.equal((await at.store.manifests("image")).length, 0);
  });
});
