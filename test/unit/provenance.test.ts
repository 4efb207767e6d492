import assert from "node:assert/strict";

import { maskedSettings } from "../../settings/maskedSettings";
import { planImage } from "../../plan/imagePlan";
import type { SourceDisk } from "../../plan/imageSpec";
import type { PublishedDigest } from "../../plan/publishedDigest";
import { provenance } from "../../release/provenance";
import { baseResource } from "../../stages/release/containers";
import { digest, sampleFiles, sampleSpec } from "../samples";

describe("the provenance", () => {
  it("names a disk that an image begins with by the digest that its publisher gives", () => {
    const from: SourceDisk = {
      ...{ kind: "disk", path: "x.qcow2", urls: [], format: "qcow2" },
      digest: { algorithm: "sha512", hex: digest("f").repeat(2) },
    };
    const files = { ...sampleFiles, source: from.digest as PublishedDigest };
    const { base } = planImage({ ...sampleSpec, from }, files, null);
    const statement = provenance({
      ...{ subjects: [], parameters: {}, stages: [], containers: [] },
      ...{ inputs: { base: base.description }, kragle: { version: "0.1.0" }, tools: {} },
      ...{ accelerator: "tcg", invocationId: "x", startedOn: "", finishedOn: "" },
    });
    assert.deepEqual(
      statement.predicate.buildDefinition.resolvedDependencies.filter(({ name }) =>
        name.startsWith("base/source"),
      ),
      [{ name: "base/sourceSha512", digest: { sha512: digest("f").repeat(2) } }],
    );
  });

  it("names every input file with its digest, and not how it was asked for", () => {
    const { builder, base, image } = planImage(
      { ...sampleSpec, iso: { path: "x.iso", urls: [], sha256: digest("f") } },
      { ...sampleFiles, scripts: { "50-1-app.sh": `${digest("6")}+x` } },
      null,
    );
    const statement = provenance({
      subjects: [{ name: "kragle.raw", sha256: digest("f") }],
      parameters: { diskSize: "4 GiB" },
      stages: [],
      inputs: {
        builder: builder.description,
        base: base.description,
        image: image.description,
      },
      containers: [{ name: "builder image", digest: { sha256: digest("c") } }],
      kragle: { version: "0.1.0", commit: "ab12", modified: true },
      tools: { packer: "1.6.6" },
      ...{ accelerator: "tcg", invocationId: "x", startedOn: "", finishedOn: "" },
    });
    const { buildDefinition, runDetails } = statement.predicate;
    assert.deepEqual(statement.subject, [{ name: "kragle.raw", digest: { sha256: digest("f") } }]);
    assert.deepEqual(buildDefinition.resolvedDependencies, [
      { name: "builder image", digest: { sha256: digest("c") } },
      {
        name: "kragle",
        digest: { gitCommit: "ab12" },
        annotations: { modified: true, stages: ["release"] },
      },
      { name: "builder/files/Dockerfile", digest: { sha256: digest("1") } },
      { name: "builder/files/install-tools.sh", digest: { sha256: digest("2") } },
      { name: "base/programs/base/install_system.py", digest: { sha256: digest("b") } },
      { name: "base/recipe/base.py", digest: { sha256: digest("3") } },
      { name: "base/recipe/template.json", digest: { sha256: digest("4") } },
      { name: "base/isoSha256", digest: { sha256: digest("f") } },
      { name: "image/programs/common/stage.py", digest: { sha256: digest("a") } },
      { name: "image/programs/image/build_image.py", digest: { sha256: digest("c") } },
      { name: "image/template/image.json", digest: { sha256: digest("5") } },
      {
        name: "image/scripts/50-1-app.sh",
        digest: { sha256: digest("6") },
        annotations: { executable: true },
      },
      { name: "image/steps/0/script", digest: { sha256: digest("6") } },
    ]);
    // the kragle that releases is not the one that made an image of whose run nothing is noted
    assert.deepEqual(runDetails.builder.version, { kragle: "unknown", packer: "1.6.6" });
  });

  it("takes no text of a user's for a file, whatever it looks like", () => {
    const text = digest("e");
    const words = { variables: { SUM: text }, secrets: [text] };
    const steps = [
      { kind: "script" as const, script: digest("6"), args: [text], ...words },
      { kind: "run" as const, run: text, ...words },
      { kind: "packages" as const, packages: [text] },
      { kind: "ansible" as const, playbook: text, content: { "site.yml": digest("7") }, ...words },
      {
        kind: "files" as const,
        files: [{ content: { ".": digest("8") }, to: "/x", mode: null, owner: "root" }],
      },
    ];
    const { image } = planImage(sampleSpec, { ...sampleFiles, steps }, null);
    const statement = provenance({
      ...{ subjects: [], parameters: {}, stages: [], containers: [], tools: {} },
      ...{ inputs: { image: image.description }, kragle: { version: "0.1.0" } },
      ...{ accelerator: "tcg", invocationId: "x", startedOn: "", finishedOn: "" },
    });
    const found = statement.predicate.buildDefinition.resolvedDependencies;
    assert.ok(
      found.every(({ digest: { sha256 } }) => sha256 !== text),
      JSON.stringify(found),
    );
    assert.deepEqual(
      found.filter(({ name }) => name.includes("/steps/")).map(({ name }) => name),
      ["image/steps/0/script", "image/steps/3/content/site.yml", "image/steps/4/files/0/content/."],
    );
  });

  it("names the image that the builder is built on, even where its tag has moved", () => {
    const image = (id: string, ...layers: string[]) => ({
      id: `sha256:${digest(id)}`,
      layers: layers.map((layer) => `sha256:${digest(layer)}`),
    });
    const builder = image("b", "1", "2", "3");
    const named = (base: ReturnType<typeof image> | undefined) =>
      baseResource(builder, { reference: "debian:12", image: base }).map(
        ({ name, digest: { sha256 } }) => [name, sha256],
      );
    const layer = [["first layer of the builder's base image", digest("1")]];
    assert.deepEqual(named(image("a", "1")), [["builder's base image", digest("a")]]);
    assert.deepEqual(named(image("a", "1", "9")), layer);
    assert.deepEqual(named(undefined), layer);
    const none = { reference: "debian:12", image: undefined };
    assert.deepEqual(baseResource({ id: "x", layers: [] }, none), []);
  });

  it("has every setting and no secret", () => {
    assert.deepEqual(
      maskedSettings(
        {
          ...{ rhsmPassword: "hunter2", rhsmActivationKey: "", path: "a/b", cpus: "2" },
          ...{ formats: '["raw"]', diskSize: "4 GiB", isoUrls: '["https://ada:pw@host/x.iso"]' },
        },
        ["path"],
      ),
      {
        ...{ cpus: 2, diskSize: "4 GiB", formats: ["raw"] },
        ...{ isoUrls: ["https://[MASKED]@host/x.iso"], path: "[MASKED]" },
        ...{ rhsmActivationKey: "", rhsmPassword: "[MASKED]" },
      },
    );
  });
});
