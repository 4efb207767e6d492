import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename } from "node:path";

import { Clone, jsonOf } from "../clone";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { MINUTES, needPulumi, PulumiProject, until } from "./pulumiProject";

describe("the verbs of the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  inSequence();

  let clone: Clone;
  let project: PulumiProject;
  let other: Clone | undefined;
  const roots = (stack: string) => {
    const folder = project.rootsOf(stack);
    const names = existsSync(folder) ? readdirSync(folder).sort() : [];
    return names.filter((name) => name !== ".owner.json");
  };

  before(async function () {
    await needPulumi(this);
    clone = sharedClone();
    const built = await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]);
    assert.equal(built.code, 0, built.stderr);
    project = new PulumiProject(clone, clone.path("verbs state"));
    for (const stack of ["lean", "twin"]) project.addLeanStack(stack);
  });
  after(() => other?.remove());

  it("up: a second stack shares every stage but its release", async () => {
    const before = project.artifacts();
    await project.succeeds(["stack", "init", "lean"]);
    await project.update("lean");
    await project.succeeds(["stack", "init", "twin"]);
    await project.update("twin");
    const made = project.artifacts().filter((folder) => !before.includes(folder));
    assert.deepEqual(
      made.map((folder) => basename(folder).split("-")[0]),
      ["release", "release"],
    );
    for (const root of ["base", "image", "check"]) {
      assert.equal(project.artifactOf("lean", root), project.artifactOf("twin", root), root);
    }
  });

  it("refresh: finds nothing that has drifted", async () => {
    const refresh = ["refresh", "-s", "lean", "--yes", "--skip-preview", "--expect-no-changes"];
    await project.succeeds(refresh);
    await project.isUnchanged("lean");
  });

  it("up --target: makes again what was lost of one resource, and nothing else", async () => {
    const check = project.artifactOf("lean", "check");
    const release = project.artifactOf("lean", "release");
    rmSync(check, { recursive: true });
    rmSync(release, { recursive: true });
    await project.update("lean", "--target", await project.urn("lean", "check"));
    assert.equal(existsSync(check), true);
    assert.equal(existsSync(release), false);
    await project.update("lean");
    assert.equal(existsSync(release), true);
    await project.isUnchanged("lean");
  });

  it("up --replace: replaces the resource and finds its result in the store", async () => {
    const before = (await project.up("lean")).outputs;
    const said = await project.update("lean", "--replace", await project.urn("lean", "check"));
    assert.match(said, /check (deleted|created|replaced|creating|deleting) /);
    assert.doesNotMatch(said, /» unpack/);
    assert.ok(roots("lean").includes("check"));
    await project.isUnchanged("lean");
    assert.deepEqual((await project.up("lean")).outputs, before);
  });

  it("cancel: frees a stack that a killed update left locked; ./kragle up does so by itself", async () => {
    const killed = async () => {
      const env = { KRAGLE_REBUILD: "check" };
      const child = project.start(["up", "-s", "lean", "--yes", "--skip-preview"], env);
      await until(async () => (await project.containers()).length > 0, 120);
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    };
    await killed();
    const locked = await project.pulumi(["up", "-s", "lean", "--yes", "--skip-preview"]);
    assert.notEqual(locked.code, 0);
    assert.match(locked.stderr, /the stack is currently locked/);
    await project.succeeds(["cancel", "-s", "lean", "--yes"]);
    const refresh = ["refresh", "-s", "lean", "--yes", "--skip-preview"];
    await project.succeeds([...refresh, "--clear-pending-creates"]);
    await project.update("lean");
    await killed();
    await project.up("lean");
    await project.isUnchanged("lean");
    await until(async () => (await project.containers()).length === 0, 60);
  });

  it("a second machine on the same backend makes what its own store lacks, once", async () => {
    other = new Clone();
    const second = new PulumiProject(other, clone.path("verbs state"));
    second.addLeanStack("lean");
    mkdirSync(other.path(".kragle/store"), { recursive: true });
    for (const root of ["base", "image"]) {
      const from = project.artifactOf("lean", root);
      cpSync(from, other.path(".kragle/store", basename(from)), {
        recursive: true,
        preserveTimestamps: true,
      });
    }
    const before = await second.preview("lean");
    assert.match(before, /^ +image +from store$/m);
    assert.match(before, /^ +check +will run.*\n +never built in this store$/m);
    assert.match(before, /check update/);
    await second.update("lean");
    await second.isUnchanged("lean");
    // the first one's store has everything still
    await project.isUnchanged("lean");
  });

  it("another engine: is said, finds the same store, and leaves the state as it was", async () => {
    const before = (await project.up("lean")).outputs;
    const run = (...args: string[]) =>
      clone.kragle(["up", "-s", "lean", ...args], project.environment());
    const embedded = await run("--engine", "embedded");
    assert.equal(embedded.code, 0, embedded.stderr);
    assert.match(
      embedded.stdout,
      /last run by the pulumi engine, now by embedded; the store is the same/,
    );

    const again = await run("--engine", "pulumi", "--json");
    assert.deepEqual(jsonOf<{ outputs: object }>(again).outputs, before);
    await project.isUnchanged("lean");
  });

  it("stack rename: what was built stays; only the release goes to the new stack's folder", async () => {
    const before = project.artifacts();
    await project.succeeds(["stack", "rename", "renamed", "-s", "lean"]);
    assert.ok(existsSync(clone.path("Pulumi.renamed.yaml")));
    await project.update("renamed");
    const made = project.artifacts().filter((folder) => !before.includes(folder));
    assert.deepEqual(
      made.map((folder) => basename(folder).split("-")[0]),
      ["release"],
    );
    assert.deepEqual(roots("renamed"), ["base", "builder", "check", "image", "release"]);
    await project.isUnchanged("renamed");
    const { unknownStacks } = jsonOf<{ unknownStacks: string[] }>(
      await clone.kragle(["gc", "--dry-run", "--json"]),
    );
    assert.ok(unknownStacks.includes("lean"), "what the old name keeps is said");
  });

  it("destroy, stack rm: the stack uses nothing any more, the other one keeps everything", async () => {
    const released = (await project.up("renamed")).outputs.imagePath;
    await project.succeeds(["destroy", "-s", "renamed", "--yes", "--skip-preview"]);
    assert.deepEqual(await project.resources("renamed"), []);
    assert.deepEqual(roots("renamed"), []);
    assert.ok(existsSync(released));
    await project.succeeds(["stack", "rm", "renamed", "--yes"]);
    assert.equal(existsSync(clone.path("Pulumi.renamed.yaml")), false);
    const { deleted } = jsonOf<{ deleted: { name: string }[] }>(
      await clone.kragle(["gc", "--dry-run", "--json"]),
    );
    const kept = basename(project.artifactOf("twin", "image"));
    assert.ok(!deleted.some(({ name }) => name === `store/${kept}`));
    await project.isUnchanged("twin");
    await project.succeeds(["destroy", "-s", "twin", "--yes", "--skip-preview"]);
  });
});
