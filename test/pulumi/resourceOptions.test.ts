import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { MINUTES } from "./pulumiProject";
import { SomeProgram } from "./someProgram";

/** What a stack with the image web keeps in the store. */
const KEPT = ["web.base", "web.check", "web.image", "web.release"];

describe("Pulumi's resource options on a GoldenImage, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  const program = new SomeProgram();
  const update = () => program.project.update("prod");
  const ofImage = async () =>
    (await program.project.resources("prod")).filter(({ urn }) => urn.includes("GoldenImage"));

  it("aliases: an image with another name stays what it is in the state, is not built again, and keeps nothing under the former one", async () => {
    program.write('new GoldenImage("web", lean);');
    await update();
    program.write(
      'const group = new pulumi.ComponentResource("shop:index:Group", "group");',
      "const aliases = [{ name: 'web', parent: pulumi.rootStackResource }];",
      'new GoldenImage("site", lean, { parent: group, aliases });',
    );
    const plan = await program.project.preview("prod");
    assert.match(plan, / base +from store\n[^]* image +from store\n/);
    const told = await update();
    assert.doesNotMatch(told, /replaced|deleted|(base|image|check) created/);
    assert.match(told, /\+ 1 created\n +~ 4 updated/);
    assert.deepEqual(
      program.kept(),
      KEPT.map((root) => root.replace("web", "site")),
    );
    // an alias may go when it has done its work
    program.write(
      'const group = new pulumi.ComponentResource("shop:index:Group", "group");',
      'new GoldenImage("site", lean, { parent: group });',
    );
    await program.project.isUnchanged("prod");
  });

  it("protect: nothing of the image is deleted, and it is updated as ever", async () => {
    const image = (settings: string) =>
      `new GoldenImage("web", { ...lean, ${settings} }, { protect: true });`;
    program.write(image(""));
    await update();
    program.write(image('version: "7"'));
    assert.match(await update(), /~ 3 updated/);
    program.write("");
    const { code, stdout } = await program.project.pulumi(["up", "-s", "prod", "--yes", "-f"]);
    assert.notEqual(code, 0);
    assert.match(stdout, /cannot be deleted\n +because it is protected/);
    assert.deepEqual(program.kept(), KEPT);
  });

  it("retainOnDelete: the state forgets the image, and the store keeps what it is", async () => {
    program.write('new GoldenImage("web", lean, { retainOnDelete: true });');
    await update();
    program.write("");
    await update();
    assert.deepEqual(await ofImage(), []);
    assert.deepEqual(program.kept(), KEPT);
  });

  it("providers: its commands run by those that it is given", async () => {
    program.write(
      'const mine = new command.Provider("mine");',
      'new GoldenImage("web", lean, { providers: [mine] });',
      'new GoldenImage("site", lean, { provider: mine });',
    );
    await update();
    const commands = (await ofImage()).filter(({ type }) => type === "command:local:Command");
    assert.equal(commands.length, 8);
    for (const { provider, urn } of commands) assert.match(provider!, /command::mine::/, urn);
  });

  it("transforms: those of an image reach all that it consists of", async () => {
    program.write(
      "const transforms = [({ type, props, opts }) =>",
      '  type === "command:local:Command" ? { props, opts: { ...opts, protect: true } } : undefined];',
      'new GoldenImage("web", lean, { transforms });',
    );
    await update();
    const marked = (await ofImage()).filter((resource) => resource.protect === true);
    assert.deepEqual(marked.map(({ urn }) => urn.split("::").at(-1)!).toSorted(), KEPT);
    await program.project.isUnchanged("prod");
  });

  it("dependsOn: an image waits for others, and others wait until it is released", async () => {
    const stamp = (name: string) => `sleep 1; date +%s%N > ${name}`;
    program.write(
      `const before = new command.local.Command("before", { create: "${stamp("before")}" });`,
      'const web = new GoldenImage("web", lean, { dependsOn: before });',
      `const create = "ls build/prod/web/output/packer-kragle-qcow2 && ${stamp("after")}";`,
      'new command.local.Command("after", { create }, { dependsOn: web });',
    );
    const told = await update();
    const at = (line: string) => told.indexOf(line);
    assert.ok(at("before created") < at("web.base creating"), told);
    const of = (name: string) => Number(readFileSync(join(program.folder, name), "utf8"));
    assert.ok(of("before") < of("after"));
    const after = (await program.project.resources("prod")).find(({ urn }) =>
      urn.endsWith("::after"),
    )!;
    assert.ok(after.dependencies!.some((urn) => urn.endsWith("::web.release")));
  });
});
