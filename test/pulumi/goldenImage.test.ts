import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { packageFolder } from "../../host/project";
import { READY } from "../builtClones";
import { Clone } from "../clone";
import { builtForPulumi } from "./builtForPulumi";
import { MINUTES, PulumiProject } from "./pulumiProject";

/** Everything down to check is in the store, so that an image is released in seconds. */
const LEAN = { ...READY, formats: [], smoke: "none" };

describe("a program of somebody's own with kragle as a package, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  const built = builtForPulumi((all) => all.addImageOnIt());
  let folder: string;
  let project: PulumiProject;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "somebody "));
    symlinkSync(join(packageFolder, "node_modules"), join(folder, "node_modules"));
    writeFileSync(
      join(folder, "Pulumi.yaml"),
      "name: shop\nmain: shop.cjs\nruntime: { name: nodejs, options: { typescript: false } }\n",
    );
    const environment = { ...built.environment, KRAGLE_HOME: built.makeHome() };
    project = new PulumiProject(new Clone(folder), join(folder, "state"), environment);
    await project.succeeds(["stack", "init", "prod"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** @param lines of a program, which has GoldenImage, pulumi and lean settings */
  const write = (...lines: string[]) =>
    writeFileSync(
      join(folder, "shop.cjs"),
      [
        `require(${JSON.stringify(join(packageFolder, "setup/loader.cjs"))});`,
        `const { GoldenImage } = require(${JSON.stringify(join(packageFolder, "index.ts"))});`,
        'const pulumi = require("@pulumi/pulumi");',
        `const lean = ${JSON.stringify(LEAN)};`,
        ...lines,
      ].join("\n"),
    );
  const types = async () =>
    (await project.resources("prod")).map(({ urn }) => urn.split("::").slice(-2).join(" "));

  it("releases its images, says in a preview what will run, and changes nothing the second time", async () => {
    write(
      'const web = new GoldenImage("web", { ...lean, secrets: { TOKEN: "hunter22" } });',
      'const site = new GoldenImage("site", { ...lean, from: { image: web.name } });',
      "exports.path = web.imagePath;",
      "exports.digest = pulumi.interpolate`${web.imageSha256} ${site.imageSha256}`;",
    );
    const before = await project.preview("prod");
    assert.match(before, /the plan:[^]*web[^]*release +will run/);
    await project.update("prod");
    const outputs = JSON.parse(
      await project.succeeds(["stack", "output", "--json", "-s", "prod"]),
    ) as { path: string; digest: string };
    assert.equal(outputs.path, join(folder, "build/prod/web/output/packer-kragle-qcow2"));
    assert.match(outputs.digest, /^[0-9a-f]{64} [0-9a-f]{64}$/);
    assert.equal(readFileSync(outputs.path, "utf8"), "an image");
    const resources = await project.resources("prod");
    const web = resources.find(({ urn }) => urn.endsWith("GoldenImage::web"))!;
    assert.deepEqual(web.inputs!.formats, []);
    const state = JSON.stringify(resources.map(({ inputs }) => inputs));
    for (const place of [packageFolder, folder]) assert.ok(!state.includes(place), place);
    await project.isUnchanged("prod");
  });

  it("builds nothing again for an image that gets another parent, and lets go of everything in the end", async () => {
    write('new GoldenImage("web", lean);');
    await project.update("prod");
    const before = (await types()).length;
    write(
      'const group = new pulumi.ComponentResource("shop:index:Group", "group");',
      'new GoldenImage("web", lean, { parent: group, aliases: [{ parent: pulumi.rootStackResource }] });',
    );
    const told = await project.update("prod");
    assert.doesNotMatch(told, /replaced|updated|deleted/);
    assert.equal((await types()).length, before + 1);
    await project.succeeds(["destroy", "-s", "prod", "--yes", "--skip-preview"]);
    assert.deepEqual(await types(), []);
  });

  it("has all wrong arguments told at once by a preview, without a stack trace", async () => {
    write('new GoldenImage("web", { ...lean, diskSize: "lots", kernel: "huge" });');
    const { code, stdout, stderr } = await project.pulumi(["preview", "-s", "prod"]);
    assert.notEqual(code, 0);
    const told = stdout + stderr;
    assert.match(
      told,
      /2 arguments are wrong of the image web:\n +diskSize: "lots"[^\n]*\n +kernel: "huge"/,
    );
    assert.doesNotMatch(told, / at .*\.ts:/);
    assert.equal(told.match(/diskSize:/g)!.length, 1, told);
  });
});
