import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { packageFolder } from "../../host/project";
import { SETTING_NAMES } from "../../settings/schema";

interface Described {
  readonly description?: string;
}

interface Schema {
  readonly name: string;
  readonly version: string;
  readonly resources: Readonly<Record<string, Component>>;
  readonly types: Readonly<
    Record<string, Described & { readonly properties?: Record<string, Described> }>
  >;
}

interface Component extends Described {
  readonly isComponent: boolean;
  readonly inputProperties: Record<string, Described>;
  readonly requiredInputs: readonly string[];
  readonly properties: Record<string, Described>;
}

const TYPE = "kragle:index:GoldenImage";

describe("the plugin's schema", () => {
  const read = (name: string) => readFileSync(join(packageFolder, name), "utf8");
  const { name, version, resources, types } = JSON.parse(read("plugin/schema.json")) as Schema;
  const image = resources[TYPE]!;

  it("has one component, under the package's name and version", () => {
    const manifest = JSON.parse(read("package.json")) as { name: string; version: string };
    assert.deepEqual([name, version], [manifest.name, manifest.version]);
    assert.deepEqual(Object.keys(resources), [TYPE]);
    assert.equal(image.isComponent, true);
  });

  it("asks for nothing, and takes every setting of an image", () => {
    assert.deepEqual(image.requiredInputs, []);
    const settings = SETTING_NAMES.filter((setting) => setting !== "images");
    assert.deepEqual(Object.keys(image.inputProperties).sort(), [...settings].sort());
  });

  it("tells the outputs, and none of what is the component's own business", () => {
    assert.deepEqual(Object.keys(image.properties).sort(), [
      ...["accelerator", "buildId", "builderImageId", "conversions", "imageBytes", "imageId"],
      ...["imagePath", "imageSha256", "imageVersion", "imageVirtualBytes", "key", "manifestPath"],
      ...["name", "publications", "reportPath", "smoke"],
    ]);
  });

  it("describes everything", () => {
    const all = Object.entries({ [TYPE]: image, ...types });
    const silent = all.flatMap(([token, type]) => [
      ...(type.description ? [] : [token]),
      ...nameless(token, type.properties),
      ...nameless(token, "inputProperties" in type ? type.inputProperties : {}),
    ]);
    assert.deepEqual(silent, []);
  });
});

const nameless = (token: string, properties: Record<string, Described> = {}) =>
  Object.entries(properties)
    .filter(([, { description }]) => !description)
    .map(([property]) => `${token}.${property}`);
