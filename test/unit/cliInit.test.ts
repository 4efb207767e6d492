import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Ajv from "ajv";
import { parse } from "yaml";

import { writeStackFile } from "../../cli/init";
import { readStackSettings } from "../../cli/stackSettings";
import { StageFailure } from "../../host/failure";
import { projectFolder } from "../../host/project";
import { editorSchema } from "../../generate/editorSchema";
import { tableOfSettings } from "../../generate/tableOfSettings";
import { parseSettings } from "../../settings/stack";
import { SETTING_NAMES } from "../../settings/schema";
import { kragle } from "../kragle";
import { TemporaryStore } from "../temporaryStore";

const validate = new Ajv({ strict: false }).compile(
  JSON.parse(editorSchema("kragle", tableOfSettings())),
);

describe("a new stack's file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle init "));
    copyFileSync(join(projectFolder, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const written = async (template = "debian12") =>
    readFileSync(await writeStackFile("web", template, folder), "utf8");

  const refused = (name: string, template: string, pattern: RegExp) =>
    assert.rejects(writeStackFile(name, template, folder), (error: StageFailure) => {
      assert.ok(error instanceof StageFailure);
      assert.match(error.message, pattern);
      assert.equal(error.details.exitCode, 2);
      return true;
    });

  it("is a stack's as it stands, with nothing but the defaults", async () => {
    const text = await written();
    assert.deepEqual(parse(text), { config: { "kragle:template": "debian12" } });
    assert.ok(validate(parse(text)), JSON.stringify(validate.errors));
    const { values, problems, project } = readStackSettings("web", folder);
    assert.deepEqual(problems, []);
    assert.deepEqual(parseSettings(values, "web", project), parseSettings({}, "web"));
  });

  it("has every setting once, with what it means, in lines that can be read", async () => {
    const text = await written();
    const names = [...text.matchAll(/^ {2}(?:# )?kragle:(\w+):/gm)].map(([, name]) => name);
    assert.deepEqual(names, SETTING_NAMES);
    assert.match(text, /^ {2}# Processors of the guest while .* built and booted; 1 to 64$/m);
    const long = text.split("\n").filter((line) => line.length > 100 && !line.includes("sha256:"));
    assert.deepEqual(
      long.filter((line) => !/^ {2}# kragle:/.test(line)),
      [],
    );
  });

  it("is right by the schema with any of its lines taken in", async () => {
    const text = await written();
    const all = text.replace(/^ {2}# (?=(kragle:| {2}|- ))/gm, "  ");
    const { config } = parse(all) as { config: object };
    assert.equal(Object.keys(config).length, SETTING_NAMES.length);
    assert.ok(validate({ config }), JSON.stringify(validate.errors));
  });

  it("asks for what a template needs besides", async () => {
    const text = await written("centos7");
    const { config } = parse(text) as { config: Record<string, unknown> };
    assert.deepEqual(config, { "kragle:template": "centos7", "kragle:isoSha256": "" });
    const { values } = readStackSettings("web", folder);
    assert.throws(() => parseSettings(values, "web"), /^Error: 1 setting is wrong:\n.*isoSha256/);
  });

  it("asks for the disk of a template that begins with one", async () => {
    const { config } = parse(await written("cloud")) as { config: Record<string, unknown> };
    const from = { path: "", sha256: "" };
    assert.deepEqual(config, { "kragle:template": "cloud", "kragle:from": from });
    const { values } = readStackSettings("web", folder);
    assert.throws(() => parseSettings(values, "web"), /from\.path: is empty; write a path/);
  });

  it("replaces nothing that is there", async () => {
    const file = join(folder, "Pulumi.web.yaml");
    for (const put of [
      () => writeFileSync(file, "mine"),
      () => symlinkSync(join(folder, "elsewhere"), file),
    ]) {
      put();
      await refused("web", "debian12", /Pulumi\.web\.yaml is there already; nothing was written$/);
      rmSync(file);
    }
  });

  it("has a name that Pulumi takes, and a template that is there", async () => {
    for (const name of ["", "a/b", "..", "a b", "-x\n"]) {
      await refused(name, "debian12", /is no stack's name/);
    }
    await refused("web", "debian13x", /^--template: /);
  });
});

describe("the command line", function () {
  this.timeout(60_000);
  it("says of init what it was not given", async () => {
    const at = new TemporaryStore();
    try {
      const { code, stderr } = await kragle(at.home, ["init"]);
      assert.equal(code, 2);
      assert.match(stderr, /missing required argument 'name'/);
    } finally {
      at.remove();
    }
  });
});
