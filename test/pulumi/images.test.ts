import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";

import type { ReleasedImages } from "../builtClones";
import { type Clone, jsonOf } from "../clone";
import { builtForPulumi } from "./builtForPulumi";
import { MINUTES, PulumiProject } from "./pulumiProject";

describe("a stack of several images, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  const built = builtForPulumi((all) => all.addImageOnIt());
  let clone: Clone;
  let project: PulumiProject;
  beforeEach(() => {
    clone = built.make();
    set({ web: {}, db: { imageName: "db.qcow2" } });
    project = new PulumiProject(clone, clone.path("state"), built.environment);
  });

  const set = (images: object) => built.addStack(clone, "roles", { images });
  const kragle = (line: string) => clone.kragle(line.split(" "), project.environment());
  const names = async () =>
    (await project.resources("roles")).map(({ urn }) => urn.split("::").at(-1)!);
  const outputs = async () =>
    JSON.parse(
      await project.succeeds(["stack", "output", "--json", "-s", "roles"]),
    ) as ReleasedImages;

  it("gives each its outputs, and what lies in it the parent; nothing is to be done then", async () => {
    await project.succeeds(["stack", "init", "roles"]);
    await project.update("roles");
    const { images } = await outputs();
    assert.equal(images.db!.imagePath, clone.path("build/roles/db/output/db.qcow2"));
    await project.isUnchanged("roles");
    const release = await project.urn("roles", "db.release");
    assert.match(release, /kragle:index:GoldenImage\$kragle:index:Release\$command/);
    const { engine, outputs: again } = await project.up("roles");
    assert.deepEqual([engine, (again as unknown as ReleasedImages).images], ["pulumi", images]);
    const other = await kragle("up -s roles --engine embedded --json");
    assert.equal(other.code, 0, other.stderr);
    assert.deepEqual(jsonOf<{ outputs: ReleasedImages }>(other).outputs.images, images);
  });

  it("makes those that are named, and leaves the others in the state", async () => {
    await project.up("roles", "db");
    assert.ok(!existsSync(clone.path("build/roles/web")));
    assert.deepEqual(Object.keys((await outputs()).images), ["db"]);
    await project.up("roles", "web");
    assert.deepEqual(Object.keys((await outputs()).images).sort(), ["db", "web"]);
    assert.ok((await names()).includes("db.release"));
    await project.isUnchanged("roles");
  });

  it("makes what is made on another image with that one", async () => {
    set({ web: { from: { image: "base" } }, base: {}, db: { imageName: "db.qcow2" } });
    await project.up("roles", "web");
    assert.deepEqual(Object.keys((await outputs()).images).sort(), ["base", "web"]);
    const { dependencies = [] } = (await project.resources("roles")).find(
      ({ urn, type }) => urn.endsWith("::web.image") && type.startsWith("command:"),
    )!;
    assert.ok(dependencies.some((urn) => urn.endsWith("::base.image")));
    await project.up("roles");
    await project.isUnchanged("roles");
  });

  it("releases the others where one fails, and keeps what that one had", async () => {
    await project.up("roles", "db");
    const before = (await outputs()).images.db;
    set({ web: { path: "elsewhere" }, db: { imageName: "other.qcow2" } });
    const folder = clone.path("build/roles/db/output");
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/other.qcow2`, "somebody's own");
    const failed = await kragle("up -s roles --engine pulumi");
    assert.equal(failed.code, 2, failed.stderr);
    assert.match(failed.stderr, /has files that a release would replace/);
    assert.match(failed.stderr, /^web is released all the same/m);
    const { images } = jsonOf<ReleasedImages>(await kragle("outputs -s roles --json"));
    assert.equal(images.web!.imagePath, clone.path("elsewhere/output/packer-kragle-qcow2"));
    assert.deepEqual(images.db, before);
    assert.deepEqual((await outputs()).images, images);
    rmSync(`${folder}/other.qcow2`);
    await project.up("roles");
    assert.ok(existsSync(`${folder}/other.qcow2`));
  });

  it("lets go of images that are named, and of none on which others stand", async () => {
    set({ web: { from: { image: "base" } }, base: {}, db: { imageName: "db.qcow2" } });
    await project.up("roles");
    const { images } = await outputs();
    const refused = await kragle("destroy base -s roles");
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /^image base of stack roles is not let go of: web stands on it\n {2}next: \.\/kragle destroy base web /,
    );
    // which stages are the same as others' the CLI alone knows: they depend on each other
    const all = await names();
    const held = await kragle("destroy base web -s roles");
    assert.equal(held.code, 2);
    assert.match(
      held.stderr,
      /^the Pulumi CLI deletes nothing of base, web alone: .* those of db come later\n {2}next: take base, web out of kragle:images, and \.\/kragle up -s roles$/m,
    );
    assert.deepEqual(await names(), all);
    assert.deepEqual((await outputs()).images, images);

    const done = await kragle("destroy web -s roles");
    assert.equal(done.code, 0, done.stderr);
    const isOfWeb = (name: string) => /^web(\.|$)/.test(name);
    assert.deepEqual(
      await names(),
      all.filter((name) => !isOfWeb(name)),
    );
    const kept = jsonOf<ReleasedImages>(await kragle("outputs -s roles --json")).images;
    assert.deepEqual(Object.keys(kept).sort(), ["base", "db"]);
    await project.up("roles");
    assert.deepEqual((await outputs()).images.web!.key, images.web!.key);
    await project.isUnchanged("roles");
    set({ db: { imageName: "db.qcow2" } });
    await project.up("roles");
    assert.deepEqual(
      (await names()).filter((name) => isOfWeb(name) || /^base(\.|$)/.test(name)),
      [],
    );
  });

  it("lets go of an image that is taken out, and of all when it is destroyed", async () => {
    await project.up("roles");
    set({ web: {} });
    await project.up("roles");
    assert.deepEqual(Object.keys((await outputs()).images), ["web"]);
    assert.ok(!existsSync(clone.path("build/roles/db/output/.owner.json")));
    assert.equal((await kragle("destroy -s roles")).code, 0);
    assert.ok(!existsSync(clone.path("build/roles/web/output/.owner.json")));
  });
});
