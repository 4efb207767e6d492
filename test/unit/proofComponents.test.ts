import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { Conversion, type ConversionArgs } from "../../components/conversion";
import { Qcow2Artifact, type Qcow2ArtifactArgs } from "../../components/qcow2Artifact";
import { Release, type ReleaseArgs } from "../../components/release";
import { SmokeDomain, type SmokeDomainArgs } from "../../components/smokeDomain";
import { OWN_REACH } from "../../plan/invocation";
import { planImage } from "../../plan/imagePlan";
import { planProof } from "../../plan/proofPlan";
import { type Registered, UNKNOWN, valueOf, withMocks } from "../mocks";
import { digest, sampleFiles, sampleSha256, sampleSpec } from "../samples";

const plan = planProof(sampleSpec, sampleFiles, sampleSha256);

const common = {
  ...{ stack: "dev", reach: OWN_REACH },
  toolsImage: "kragle-tools:1",
  imageKey: digest("1"),
  marker: undefined,
};

/** The command resource of a stage below the image. */
const command = (
  name: string,
  parent: string,
  stage: "check" | "convert" | "smoke" | "release",
  planned: { description: object; key: string },
  request: object,
  dependsOn: string[] = [],
): Registered => ({
  type: "command:local:Command",
  name,
  inputs: {
    create: `exec ./kragle stage ${stage} ${planned.key}`,
    delete: `exec ./kragle drop-root -- 'dev' '${name}' 'kragle'`,
    stdin: JSON.stringify({
      project: "kragle",
      stack: "dev",
      root: name,
      description: planned.description,
      request: { ...request, ...ofImage },
    }),
    environment: {},
    addPreviousOutputInEnv: false,
    logging: "stderr",
  },
  secrets: [],
  parent,
  dependsOn,
  aliases: FORMER_NAMES[name] ?? [],
  options: {
    deleteBeforeReplace: true,
    customTimeouts: { create: "24h", update: "24h" },
    ignoreChanges: ["environment.KRAGLE_MARKER"],
  },
});

const FORMER_NAMES: Readonly<Record<string, string[]>> = {
  check: ["qcow2-check"],
  smoke: ["smoke-boot"],
  release: ["release-files"],
};

const ofImage = { toolsImage: "kragle-tools:1", imageKey: digest("1") };

const checkArgs: Qcow2ArtifactArgs = {
  ...common,
  planned: plan.check,
  request: { rules: ["site.yaml"], timeoutSeconds: 600 },
};

const convertArgs: ConversionArgs = {
  ...common,
  planned: plan.conversions[1]!,
  request: { fileName: "kragle.zstd.qcow2", timeoutSeconds: 1800 },
};

const smokeArgs: SmokeDomainArgs = {
  ...common,
  imageSha256: sampleSha256,
  planned: plan.smoke!,
  request: {
    diskBytes: 2 ** 32,
    accelerator: "auto",
    timeoutSeconds: 180,
    silenceSeconds: 600,
  },
};

const releaseArgs = (proofs: pulumi.Resource[] = []): ReleaseArgs => ({
  ...common,
  planned: plan.release,
  request: {
    stack: "dev",
    virtualBytes: 1,
    conversions: [{ name: "raw", format: "raw", stored: "kragle.raw", fileName: "web.raw" }],
    signKey: null,
    ...{ parameters: { diskSize: "4 GiB" }, changed: [], steps: [] },
    baseImage: "debian:bookworm-slim",
    builder: planImage(sampleSpec, sampleFiles, null).builder.description,
  },
  proofs,
});

const types = (resources: readonly Registered[]) => resources.map(({ type }) => type);

describe("the components below the image", () => {
  it("Qcow2Artifact is the command of check", async () => {
    const { resources } = await withMocks(() => {
      new Qcow2Artifact("qcow2", checkArgs);
    });
    assert.deepEqual(types(resources), ["kragle:index:Qcow2Artifact", "command:local:Command"]);
    const { request } = checkArgs;
    assert.deepEqual(resources[1], command("check", "qcow2", "check", plan.check, request));
  });

  it("Conversion is the command of convert, under its own root", async () => {
    const { resources } = await withMocks(() => {
      new Conversion("convert-x", convertArgs);
    });
    assert.deepEqual(types(resources), ["kragle:index:Conversion", "command:local:Command"]);
    assert.deepEqual(
      resources[1],
      command("convert-x", "convert-x", "convert", plan.conversions[1]!, convertArgs.request),
    );
  });

  it("SmokeDomain is the command of smoke", async () => {
    const { resources } = await withMocks(() => {
      new SmokeDomain("smoke", smokeArgs);
    });
    assert.deepEqual(types(resources), ["kragle:index:SmokeDomain", "command:local:Command"]);
    const { request } = smokeArgs;
    assert.deepEqual(resources[1], command("smoke", "smoke", "smoke", plan.smoke!, request));
  });

  it("Release is the command of release, after every proof, and gives what was released", async () => {
    const { resources, value } = await withMocks(
      () => {
        const proof = (name: string) => new Conversion(name, convertArgs).convert;
        return valueOf(new Release("release", releaseArgs([proof("b"), proof("a")])).facts);
      },
      { outputs: () => ({ stdout: '{"result":{"imagePath":"build/dev/output/x"}}' }) },
    );
    assert.deepEqual(value, { imagePath: "build/dev/output/x" });
    const { request } = releaseArgs();
    assert.deepEqual(
      resources.at(-1),
      command("release", "release", "release", plan.release, request, ["a", "b"]),
    );
  });

  it("have neither key nor call in a preview where the image is not known yet", async () => {
    const unknown = { planned: pulumi.unknown as never };
    const { find } = await withMocks(
      () => {
        new Qcow2Artifact("qcow2", { ...checkArgs, ...unknown });
        new Release("release", { ...releaseArgs(), ...unknown });
      },
      { preview: true },
    );
    for (const stage of ["check", "release"]) {
      const { inputs } = find(stage);
      assert.deepEqual(inputs, {
        create: UNKNOWN,
        delete: `exec ./kragle drop-root -- 'dev' '${stage}' 'kragle'`,
        stdin: UNKNOWN,
        environment: {},
        addPreviousOutputInEnv: false,
        logging: "stderr",
      });
    }
  });

  it("keep the secrets that must not be in the image encrypted", async () => {
    const { find } = await withMocks(() => {
      new Qcow2Artifact("qcow2", { ...checkArgs, secrets: { PASSWORD: "hunter2" } });
    });
    const { inputs, secrets } = find("check");
    assert.deepEqual(secrets, ["environment.KRAGLE_SECRET_PASSWORD"]);
    assert.doesNotMatch(String(inputs.stdin), /hunter2/);
  });
});
