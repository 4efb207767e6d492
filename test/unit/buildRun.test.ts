import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { BuildRun, type BuildRunArgs } from "../../components/buildRun";
import { OWN_REACH } from "../../plan/invocation";
import { planImage } from "../../plan/imagePlan";
import { type MockOptions, type Registered, UNKNOWN, valueOf, withMocks } from "../mocks";
import { sampleFiles, sampleSha256, sampleSpec } from "../samples";

const plan = planImage(sampleSpec, sampleFiles, null);

const requests: {
  base: NonNullable<BuildRunArgs["base"]>["request"];
  image: BuildRunArgs["image"]["request"];
} = {
  base: {
    templateFolder: "builder/templates/sample",
    sourcePath: null,
    memoryMiB: 1024,
    cpus: 2,
    accelerator: "auto",
    privileged: false,
    vnc: null,
    allow: [],
    packageCache: 2 ** 30,
    timeoutSeconds: 1800,
    silenceSeconds: 600,
  },
  image: {
    templateFolder: "builder/templates/sample",
    steps: [],
    scripts: { "50-1-app.sh": "scripts/app.sh" },
    diskBytes: 2 ** 32,
    identity: { imageId: "dev", version: "1.4" },
    points: 2 ** 34,
    packageCache: 2 ** 30,
    accelerator: "auto",
    privileged: false,
    vnc: 5900,
    allow: [],
    timeouts: { whole: 3600, progress: 600, ssh: 180, script: 900, shutdown: 120 },
  },
};

const args: BuildRunArgs = {
  ...{ stack: "dev", reach: OWN_REACH },
  toolsImage: "kragle-tools:1",
  base: { planned: plan.base, request: requests.base, marker: undefined },
  image: { planned: plan.image, request: requests.image, marker: undefined },
  knownImageSha256: undefined,
};

/** What the image stage answers. */
const answered = ({ name }: Registered) =>
  name === "image"
    ? { stdout: JSON.stringify({ files: { "image.qcow2": { sha256: sampleSha256, bytes: 8 } } }) }
    : {};

/** Some resource that the build needs. */
class Tools extends pulumi.CustomResource {
  declare readonly reference: pulumi.Output<string>;
  constructor() {
    super("test:index:Tools", "tools", { reference: undefined });
  }
}

const register = (change: Partial<BuildRunArgs> = {}, options: MockOptions = {}) =>
  withMocks(
    async () => {
      const build = new BuildRun("build", { ...args, ...change });
      return options.preview ? undefined : valueOf(build.imageSha256);
    },
    { outputs: answered, ...options },
  );

describe("BuildRun", () => {
  it("is the command of base, and after it the command of image", async () => {
    const { resources } = await register();
    const command = (stage: "base" | "image"): Registered => ({
      type: "command:local:Command",
      name: stage,
      inputs: {
        create: `exec ./kragle stage ${stage} ${plan[stage].key}`,
        delete: `exec ./kragle drop-root -- 'dev' '${stage}' 'kragle'`,
        stdin: JSON.stringify({
          project: "kragle",
          stack: "dev",
          root: stage,
          description: plan[stage].description,
          request: { ...requests[stage], toolsImage: "kragle-tools:1" },
        }),
        environment: {},
        addPreviousOutputInEnv: false,
        logging: "stderr",
      },
      secrets: [],
      parent: "build",
      dependsOn: stage === "base" ? [] : ["base"],
      aliases: [`build-${stage}`],
      options: {
        deleteBeforeReplace: true,
        customTimeouts: { create: "24h", update: "24h" },
        ignoreChanges: ["environment.KRAGLE_MARKER"],
      },
    });
    assert.deepEqual(resources, [
      {
        type: "kragle:index:BuildRun",
        name: "build",
        inputs: {},
        secrets: [],
        parent: "",
        dependsOn: [],
        aliases: [],
        options: {},
      },
      command("base"),
      command("image"),
    ] satisfies Registered[]);
  });

  it("gives the digest that the image stage answered", async () => {
    assert.equal((await register()).value, sampleSha256);
  });

  it("gives the digest that is known without asking the stage, in a preview too", async () => {
    const known = { knownImageSha256: sampleSha256 };
    const { value } = await withMocks(
      () => valueOf(new BuildRun("build", { ...args, ...known }).imageSha256),
      { preview: true },
    );
    assert.equal(value, sampleSha256);
  });

  it("has a marker for a lost result, which then is no ignored change", async () => {
    const marker = "lost:2026-11-01T00:00:00.000Z";
    const { find } = await register({ base: { ...args.base!, marker } });
    assert.deepEqual(find("base").inputs.environment, { KRAGLE_MARKER: marker });
    assert.equal(find("base").options.ignoreChanges, undefined);
    assert.deepEqual(find("image").options.ignoreChanges, ["environment.KRAGLE_MARKER"]);
  });

  it("keeps a secret encrypted, in the environment and nowhere else", async () => {
    const secrets = { PASSWORD: "hunter2", TOKEN: pulumi.output("t0ken") };
    const { find } = await register({ image: { ...args.image, secrets } });
    const { inputs, secrets: paths } = find("image");
    assert.deepEqual(inputs.environment, {
      KRAGLE_SECRET_PASSWORD: "hunter2",
      KRAGLE_SECRET_TOKEN: "t0ken",
    });
    assert.deepEqual(paths.toSorted(), [
      "environment.KRAGLE_SECRET_PASSWORD",
      "environment.KRAGLE_SECRET_TOKEN",
    ]);
    const others = JSON.stringify({ ...inputs, environment: {}, base: find("base").inputs });
    assert.doesNotMatch(others, /hunter2|t0ken/);
  });

  it("keeps its key when a secret or its request changes", async () => {
    const request = { ...requests.image, vnc: null };
    const image = { ...args.image, request, secrets: { PASSWORD: "other" } };
    const { inputs } = (await register({ image })).find("image");
    assert.match(String(inputs.stdin), /"vnc":null/);
    assert.equal(inputs.create, `exec ./kragle stage image ${plan.image.key}`);
  });

  it("does not begin before what it is told to wait for is there", async () => {
    const made: string[] = [];
    const outputs = async (resource: Registered) => {
      if (resource.name === "tools") await new Promise((resolve) => setTimeout(resolve, 30));
      made.push(resource.name);
      return answered(resource);
    };
    const { find } = await withMocks(
      () => void new BuildRun("build", args, { dependsOn: [new Tools()] }),
      { outputs },
    );
    assert.deepEqual(find("build").dependsOn, ["tools"]);
    assert.deepEqual(made, ["tools", "build", "base", "image"]);
  });

  it("is known in a preview except for what comes of the tools image", async () => {
    const { find } = await withMocks(
      () => {
        const build = new BuildRun("build", { ...args, toolsImage: new Tools().reference });
        build.imageSha256.apply(() => assert.fail("the digest of an image that is not built yet"));
      },
      { preview: true },
    );
    const { inputs } = find("image");
    assert.equal(inputs.create, `exec ./kragle stage image ${plan.image.key}`);
    assert.equal(inputs.stdin, UNKNOWN);
  });

  it("fails at the resource, in one clean line, where a stage's answer is none", async function () {
    this.test!.expectRejections = true;
    for (const [stdout, said] of [
      ["", "printed nothing"],
      ["Segmentation fault", 'printed "Segmentation fault"'],
    ]) {
      await assert.rejects(register({}, { outputs: () => ({ stdout }) }), (error: Error) => {
        assert.ok(pulumi.ResourceError.isInstance(error));
        assert.equal(error.hideStack, true);
        assert.match(error.message, new RegExp(`was to print one line of JSON, and ${said}$`));
        return true;
      });
    }
  });
});
