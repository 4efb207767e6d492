import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { Conversion } from "../../components/conversion";
import type { ProofStageArgs } from "../../components/proofStage";
import { Qcow2Artifact } from "../../components/qcow2Artifact";
import { Release, type ReleaseArgs } from "../../components/release";
import { SmokeDomain } from "../../components/smokeDomain";
import { planProof } from "../../plan/imagePlan";
import { type Registered, UNKNOWN, valueOf, withMocks } from "../mocks";
import { sampleFiles, sampleSha256, sampleSpec } from "../samples";

const plan = planProof(sampleSpec, sampleFiles, sampleSha256);

const common = {
  stack: "dev",
  toolsImage: "kragle-tools:1",
  imageKey: "1mage",
  imageSha256: sampleSha256,
  marker: undefined,
};

/** The command resource of a stage below the image. */
const command = (
  name: string,
  parent: string,
  stage: "check" | "convert" | "smoke" | "release",
  root: string,
  planned: { description: object; key: string },
  settings: object,
  dependsOn: string[] = [],
): Registered => ({
  type: "command:local:Command",
  name,
  inputs: {
    create: `exec ./kragle stage ${stage}`,
    delete: `exec ./kragle drop-root 'dev' '${root}'`,
    stdin: JSON.stringify({
      stack: "dev",
      root,
      description: planned.description,
      settings,
    }),
    environment: { KRAGLE_KEY: planned.key },
    addPreviousOutputInEnv: false,
    logging: "stderr",
  },
  secrets: [],
  parent,
  dependsOn,
  options: {
    deleteBeforeReplace: true,
    customTimeouts: { create: "24h", update: "24h" },
    ignoreChanges: ["environment.KRAGLE_MARKER"],
  },
});

const ofImage = { toolsImage: "kragle-tools:1", image: { key: "1mage", sha256: sampleSha256 } };

const releaseArgs = (proofs: pulumi.Resource[] = []): ReleaseArgs => ({
  ...common,
  description: plan.release.description,
  settings: { path: "build/dev", virtualBytes: 1 },
  conversions: [{ name: "raw", format: "raw", key: "c0nvert", fileName: "kragle.raw" }],
  checkKey: "ch3ck",
  smokeKey: null,
  proofs,
});

const types = (resources: readonly Registered[]) => resources.map(({ type }) => type);

describe("the components below the image", () => {
  it("Qcow2Artifact is the command of check, and hands the digest on", async () => {
    const { resources, value } = await withMocks(() => {
      const settings = { timeoutSeconds: 600 };
      const description = plan.check.description;
      return valueOf(new Qcow2Artifact("qcow2", { ...common, description, settings }).sha256);
    });
    assert.equal(value, sampleSha256);
    assert.deepEqual(types(resources), ["kragle:index:Qcow2Artifact", "command:local:Command"]);
    const settings = { timeoutSeconds: 600, ...ofImage };
    assert.deepEqual(
      resources[1],
      command("qcow2-check", "qcow2", "check", "check", plan.check, settings),
    );
  });

  it("Conversion is the command of convert, under its own root", async () => {
    const planned = plan.conversions[1]!;
    const { resources } = await withMocks(() => {
      const settings = { format: "qcow2" };
      const { description } = planned;
      new Conversion("convert-x", { ...common, description, settings, format: "qcow2-zstd" });
    });
    assert.deepEqual(types(resources), ["kragle:index:Conversion", "command:local:Command"]);
    const settings = { format: "qcow2", ...ofImage };
    assert.deepEqual(
      resources[1],
      command("convert-x", "convert-x", "convert", "convert-qcow2-zstd", planned, settings),
    );
  });

  it("SmokeDomain is the command of smoke", async () => {
    const { resources } = await withMocks(() => {
      const { description } = plan.smoke!;
      new SmokeDomain("smoke", { ...common, description, settings: { cpus: 2 } });
    });
    assert.deepEqual(types(resources), ["kragle:index:SmokeDomain", "command:local:Command"]);
    assert.deepEqual(
      resources[1],
      command("smoke-boot", "smoke", "smoke", "smoke", plan.smoke!, { cpus: 2, ...ofImage }),
    );
  });

  it("Release is the command of release, after every proof, and gives what was released", async () => {
    const { resources, value } = await withMocks(
      () => {
        const proof = (name: string) =>
          new Conversion(name, {
            ...common,
            description: plan.check.description,
            settings: {},
            format: name,
          }).convert;
        return valueOf(new Release("release", releaseArgs([proof("b"), proof("a")])).facts);
      },
      { outputs: () => ({ stdout: '{"result":{"imagePath":"build/dev/output/x"}}' }) },
    );
    assert.deepEqual(value, { imagePath: "build/dev/output/x" });
    const settings = {
      path: "build/dev",
      virtualBytes: 1,
      ...ofImage,
      conversions: [{ name: "raw", format: "raw", key: "c0nvert", fileName: "kragle.raw" }],
      checkKey: "ch3ck",
      smokeKey: null,
    };
    assert.deepEqual(
      resources.at(-1),
      command("release-files", "release", "release", "release", plan.release, settings, ["a", "b"]),
    );
  });

  it("know in a preview what runs although the image is not known yet", async () => {
    const unknown: Pick<ProofStageArgs, "imageSha256" | "description"> = {
      imageSha256: pulumi.unknown as never,
      description: pulumi.unknown as never,
    };
    const { find } = await withMocks(
      () => {
        const args = { ...common, ...unknown, settings: {} };
        new Qcow2Artifact("qcow2", args);
        new Release("release", { ...releaseArgs(), ...unknown });
      },
      { preview: true },
    );
    for (const [name, stage] of [
      ["qcow2-check", "check"],
      ["release-files", "release"],
    ] as const) {
      const { inputs } = find(name);
      assert.deepEqual(inputs, {
        create: `exec ./kragle stage ${stage}`,
        delete: `exec ./kragle drop-root 'dev' '${stage}'`,
        stdin: UNKNOWN,
        environment: { KRAGLE_KEY: UNKNOWN },
        addPreviousOutputInEnv: false,
        logging: "stderr",
      });
    }
  });

  it("keep the secrets that must not be in the image encrypted", async () => {
    const { find } = await withMocks(() => {
      const description = plan.check.description;
      const secrets = { PASSWORD: "hunter2" };
      new Qcow2Artifact("qcow2", { ...common, description, settings: {}, secrets });
    });
    const { inputs, secrets } = find("qcow2-check");
    assert.deepEqual(secrets, ["environment.KRAGLE_SECRET_PASSWORD"]);
    assert.doesNotMatch(String(inputs.stdin), /hunter2/);
  });
});
