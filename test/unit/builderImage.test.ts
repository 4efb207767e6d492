import assert from "node:assert/strict";

import { BuilderImage, type BuilderImageArgs } from "../../components/builderImage";
import { OWN_REACH } from "../../plan/invocation";
import { planImage } from "../../plan/imagePlan";
import {
  type MockOptions,
  type Registered,
  requestOf,
  UNKNOWN,
  valueOf,
  withMocks,
} from "../mocks";
import { sampleFiles, sampleSpec } from "../samples";

const args: BuilderImageArgs = {
  ...{ stack: "dev", reach: OWN_REACH },
  architecture: "amd64",
  planned: planImage(sampleSpec, sampleFiles, null).builder,
  toolsImage: "kragle-tools:0123456789ab",
  baseImage: "debian:bookworm-slim",
  packer: "auto",
  ansible: false,
  toolsMarker: undefined,
  hand: { digest: "d".repeat(64), marker: undefined },
};

const answer = {
  ...{ image: "kragle-base:bookworm", buildArgs: { http_proxy: "http://u:pw@proxy" } },
  failed: null,
};

const register = (change: Partial<BuilderImageArgs> = {}, options: MockOptions = {}) =>
  withMocks(
    async () => {
      const builder = new BuilderImage("builder", { ...args, ...change });
      return {
        image: await valueOf(builder.image),
        ready: await Promise.all(builder.ready.map(({ urn }) => valueOf(urn))),
      };
    },
    {
      outputs: ({ type }) =>
        type === "command:local:Command" && !options.preview
          ? { stdout: JSON.stringify(answer) }
          : {},
      ...options,
    },
  );

const children = (resources: readonly Registered[]) =>
  resources.map(({ type, name, parent }) => `${type} ${name} < ${parent}`);

describe("BuilderImage", () => {
  it("is the Docker base, the tools on it, and the image for use by hand", async () => {
    const { resources, value } = await register();
    assert.deepEqual(children(resources), [
      "kragle:index:BuilderImage builder < ",
      "command:local:Command docker-base < builder",
      "docker:index/image:Image builder < builder",
      "command:local:Command hand-image < builder",
    ]);
    assert.equal(value.image, args.toolsImage);
    assert.deepEqual(
      value.ready.map((urn) => urn.split("::").at(-1)),
      ["builder"],
    );
  });

  it("asks for the Docker base by its reference, and keeps the answer secret", async () => {
    const base = (await register()).find("docker-base");
    assert.equal(base.inputs.create, "exec ./kragle stage docker-base");
    assert.deepEqual(requestOf(base), {
      project: "kragle",
      stack: "dev",
      root: "builder",
      reference: "debian:bookworm-slim",
      builder: args.planned.description,
    });
    assert.deepEqual(base.inputs.environment, {});
    assert.deepEqual(base.aliases, ["builder-base-image"]);
    assert.deepEqual(base.options, {
      deleteBeforeReplace: true,
      additionalSecretOutputs: ["stdout"],
      ignoreChanges: ["environment.KRAGLE_MARKER"],
    });
  });

  it("lets the stack's root go when it is destroyed", async () => {
    const base = (await register()).find("docker-base");
    assert.equal(base.inputs.delete, "exec ./kragle drop-root -- 'dev' 'builder' 'kragle'");
  });

  it("builds the tools locally, and after them leaves an image for use by hand", async () => {
    const { find } = await register();
    const [tools, hand] = [find("builder"), find("hand-image")];
    assert.deepEqual(tools.inputs, {
      imageName: args.toolsImage,
      skipPush: true,
      buildOnPreview: false,
      build: {
        context: "builder",
        dockerfile: "builder/tools.Dockerfile",
        target: "tools",
        platform: "linux/amd64",
        args: {
          BASE: "kragle-base:bookworm",
          PACKER: "auto",
          APT_SOURCES_B64: "",
          APT_CONF_B64: "",
          http_proxy: "http://u:pw@proxy",
          https_proxy: "",
          no_proxy: "",
        },
      },
    });
    assert.deepEqual(tools.dependsOn, ["docker-base"]);
    assert.deepEqual(tools.aliases, ["builder-tools"]);
    assert.deepEqual(tools.options, { ignoreChanges: ["build.args.KRAGLE_MARKER"] });
    const { baseImage: reference, packer } = args;
    assert.equal(hand.inputs.create, `exec ./kragle stage hand-image ${args.hand!.digest}`);
    assert.deepEqual(requestOf(hand), { reference, packer });
    assert.deepEqual(hand.dependsOn, ["builder"]);
    assert.deepEqual(hand.options, {
      deleteBeforeReplace: true,
      ignoreChanges: ["environment.KRAGLE_MARKER"],
    });
  });

  const environmentOf = ({ inputs }: Registered) =>
    (inputs.environment as Record<string, string>).KRAGLE_MARKER;
  const argOf = ({ inputs }: Registered) =>
    (inputs.build as { args: Record<string, string> }).args.KRAGLE_MARKER;

  it("builds tools again that Docker has lost, and looks for their base first", async () => {
    const { find } = await register({ toolsMarker: "lost:1" });
    assert.equal(environmentOf(find("docker-base")), "lost:1");
    assert.equal(argOf(find("builder")), "lost:1");
    assert.equal(environmentOf(find("hand-image")), undefined);
    assert.deepEqual(find("builder").options, {});
    assert.equal(find("docker-base").options.ignoreChanges, undefined);
    assert.deepEqual(find("hand-image").options.ignoreChanges, ["environment.KRAGLE_MARKER"]);
  });

  it("builds the image for use by hand again that Docker has lost, not the tools", async () => {
    const { find } = await register({ hand: { ...args.hand!, marker: "lost:2" } });
    assert.equal(environmentOf(find("docker-base")), undefined);
    assert.equal(environmentOf(find("hand-image")), "lost:2");
    assert.equal(argOf(find("builder")), undefined);
  });

  it("is nothing but its reference where a ready one is used", async () => {
    const { resources, value } = await register({ prebuilt: "registry.example/kragle:1" });
    assert.deepEqual(children(resources), ["kragle:index:BuilderImage builder < "]);
    assert.deepEqual(value, { image: "registry.example/kragle:1", ready: [] });
  });

  it("is known in a preview except for what the host answers", async () => {
    const { find, value } = await register({}, { preview: true });
    assert.equal(value.image, args.toolsImage);
    const { imageName, build } = find("builder").inputs;
    assert.equal(imageName, args.toolsImage);
    const { BASE, PACKER, http_proxy } = (build as { args: Record<string, string> }).args;
    assert.deepEqual([BASE, PACKER, http_proxy], [UNKNOWN, "auto", UNKNOWN]);
  });
});
