import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { readStackSettings } from "../../cli/stackSettings";
import { readInputFiles } from "../../preview/inputFiles";
import { parseSettings } from "../../settings/stack";
import { SETTING_NAMES } from "../../settings/schema";
import { templateNames } from "../../settings/template";
import { planImage } from "../../plan/imagePlan";
import { projectFolder, stackNames } from "../../host/project";

interface Declared {
  readonly type: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly items?: { readonly type: string };
  readonly secret?: boolean;
}

const read = (name: string) => parse(readFileSync(join(projectFolder, name), "utf8"));
const project = read("Pulumi.yaml") as {
  name: string;
  main?: string;
  runtime: unknown;
  config: Record<string, Declared>;
};
const stackFiles = readdirSync(projectFolder).filter((name) => /^Pulumi\..+\.yaml$/.test(name));

describe("Pulumi.yaml", () => {
  it("declares exactly the settings that the program takes", () => {
    assert.deepEqual(Object.keys(project.config), SETTING_NAMES);
  });

  it("gives every setting a type, a default of that type, and a description", () => {
    const typeOf = (value: unknown) =>
      Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
    for (const [name, declared] of Object.entries(project.config)) {
      // a format, a step or a test is text or an object, what is absent by default or an object is no text, which is more than the Pulumi CLI can check
      const mixed = ["images", "formats", "provision", "tests"].includes(name);
      const type = mixed ? undefined : typeOf(declared.default);
      assert.equal(declared.type, type, name);
      assert.ok(declared.description && declared.description.length > 20, `${name}: description`);
      assert.equal(declared.secret, undefined, `${name}: a secret cannot have a default`);
    }
  });

  it("has defaults that make an image by themselves", () => {
    const defaults = Object.entries(project.config).map(([name, value]) => [name, value.default]);
    const spec = parseSettings(Object.fromEntries(defaults) as Record<string, unknown>, "any");
    assert.equal(spec.path, "build/any");
    assert.deepEqual(spec.formats, []);
  });

  it("has the same base image as the Dockerfile, pinned by its digest", () => {
    const { baseImage } = project.config;
    assert.match(String(baseImage!.default), /@sha256:[0-9a-f]{64}$/);
    const dockerfile = readFileSync(join(projectFolder, "builder/Dockerfile"), "utf8");
    assert.equal(/^ARG BASE=(.+)$/m.exec(dockerfile)?.[1], baseImage!.default);
  });

  it("names what it describes as it is", () => {
    assert.equal(project.name, "kragle");
    assert.deepEqual(project.runtime, {
      name: "nodejs",
      options: { typescript: false },
    });
    // the working directory of the program and of the plugins is the folder in which this file lies
    assert.equal(project.main, "program.cjs");
  });
});

describe("the stacks of this project", () => {
  it("are dev, rhel7 and ci, and differ in values only", () => {
    assert.deepEqual(stackNames(), ["ci", "dev", "rhel7"]);
    for (const file of stackFiles) {
      const text = readFileSync(join(projectFolder, file), "utf8");
      assert.match(text, /^# yaml-language-server: \$schema=infra\/settings\.schema\.json\n/);
      const { config, ...rest } = read(file) as { config: Record<string, unknown> };
      assert.deepEqual(rest, {}, file);
      const names = Object.keys(config).map((name) => name.replace(/^kragle:/, ""));
      assert.deepEqual(
        names.filter((name) => !(SETTING_NAMES as string[]).includes(name)),
        [],
        file,
      );
    }
  });

  it("share what they can: ci makes its other formats of the image that dev has made", () => {
    const [dev, ci] = ["dev", "ci"].map((stack) => {
      const spec = parseSettings(readStackSettings(stack).values, stack);
      return planImage(spec, readInputFiles(spec), null).image.key;
    });
    assert.equal(dev, ci);
  });

  for (const file of stackFiles) {
    it(`${file} is right`, () => {
      const stack = file.slice("Pulumi.".length, -".yaml".length);
      const values = { ...readStackSettings(stack).values };
      // whoever has the ISO gives its checksum
      if (values.template !== "debian12") values.isoSha256 = "0".repeat(64);
      parseSettings(values, stack);
    });
  }

  it("use templates that are there, and each has both of its parts", () => {
    assert.deepEqual(templateNames(), ["centos7", "cloud", "debian12", "debian13", "rhel7"]);
    for (const name of templateNames()) {
      const files = readdirSync(join(projectFolder, "builder/templates", name));
      assert.ok(files.includes("image.json") && files.includes("template.json"), name);
    }
  });
});
