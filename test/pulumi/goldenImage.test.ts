import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { LAUNCHER, packageFolder } from "../../host/project";
import { kragle } from "../kragle";
import { MINUTES } from "./pulumiProject";
import { SomeProgram } from "./someProgram";

describe("a program of somebody's own with kragle as a package, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  const program = new SomeProgram();

  it("releases its images, says in a preview what will run, and changes nothing the second time", async () => {
    program.write(
      'const web = new GoldenImage("web", { ...lean, secrets: { TOKEN: "hunter22" } });',
      'const site = new GoldenImage("site", { ...lean, from: { image: web.name } });',
      "exports.path = web.imagePath;",
      "exports.digest = pulumi.interpolate`${web.imageSha256} ${site.imageSha256}`;",
    );
    const before = await program.project.preview("prod");
    assert.match(before, /the plan:[^]*web[^]*release +will run/);
    await program.project.update("prod");
    const outputs = JSON.parse(
      await program.project.succeeds(["stack", "output", "--json", "-s", "prod"]),
    ) as { path: string; digest: string };
    assert.equal(outputs.path, join(program.folder, "build/prod/web/output/packer-kragle-qcow2"));
    assert.match(outputs.digest, /^[0-9a-f]{64} [0-9a-f]{64}$/);
    assert.equal(readFileSync(outputs.path, "utf8"), "an image");
    const resources = await program.project.resources("prod");
    const web = resources.find(({ urn }) => urn.endsWith("GoldenImage::web"))!;
    assert.deepEqual(web.inputs!.formats, []);
    const state = JSON.stringify(resources.map(({ inputs }) => inputs));
    for (const place of [packageFolder, program.folder]) assert.ok(!state.includes(place), place);
    await program.project.isUnchanged("prod");
  });

  it("is looked into by the command line, whatever configuration the program has of its own", async () => {
    program.write('new GoldenImage("web", lean);');
    const { folder, project } = program;
    await project.update("prod");
    await project.succeeds(["config", "set", "shop:size", "big", "-s", "prod"]);
    const environment = project.environment();
    const look = (...args: string[]) =>
      kragle(environment.KRAGLE_HOME!, [...args, "-s", "prod", "--exec", "true"], {
        ...{ file: join(folder, LAUNCHER), folder, environment },
      });
    // as far as it goes with an image that is a text
    const found = /build\/prod\/web\/output\/packer-kragle-qcow2 is no disk/;
    assert.match((await look("boot", "web")).stderr, found);
    assert.match((await look("boot")).stderr, found);
    const { code, stderr } = await look("debug", "web");
    assert.equal(code, 2);
    assert.match(stderr, /next: \.kragle\/bin\/kragle boot/);
  });

  it("builds nothing again for an image that gets another parent, and lets go of everything in the end", async () => {
    program.write('new GoldenImage("web", lean);');
    await program.project.update("prod");
    const before = (await program.types()).length;
    program.write(
      'const group = new pulumi.ComponentResource("shop:index:Group", "group");',
      'new GoldenImage("web", lean, { parent: group, aliases: [{ parent: pulumi.rootStackResource }] });',
    );
    const told = await program.project.update("prod");
    assert.doesNotMatch(told, /replaced|updated|deleted/);
    assert.equal((await program.types()).length, before + 1);
    await program.project.succeeds(["destroy", "-s", "prod", "--yes", "--skip-preview"]);
    assert.deepEqual(await program.types(), []);
  });

  it("has all wrong arguments told at once by a preview, without a stack trace", async () => {
    program.write(
      'const web = new GoldenImage("web", { ...lean, diskSize: "lots", kernel: "huge" });',
      'new command.local.Command("after", { create: "true", environment: { IMAGE: web.imagePath } });',
    );
    const { code, stdout, stderr } = await program.project.pulumi(["preview", "-s", "prod"]);
    assert.notEqual(code, 0);
    const told = stdout + stderr;
    assert.match(
      told,
      /2 arguments are wrong of the image web:\n +diskSize: "lots"[^\n]*\n +kernel: "huge"/,
    );
    assert.doesNotMatch(told, / at .*\.ts:|serializing|PromiseRejection/);
    assert.equal(told.match(/diskSize:/g)!.length, 1, told);
  });
});
